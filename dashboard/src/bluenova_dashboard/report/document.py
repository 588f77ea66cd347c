"""The report's text: the views of the page, with all that they need."""

from markupsafe import Markup

from bluenova_dashboard.ranges import Window, local_text
from bluenova_dashboard.rendering import Templates, assets
from bluenova_dashboard.rows import json_bytes
from bluenova_dashboard.views import Site
from bluenova_dashboard.words import battery_name


def report(site: Site, mcu_id: int, window: Window) -> str:
    """The report as the text of an HTML file. Raises NoSuchBattery and Unavailable."""
    site.known(mcu_id)
    files = assets()
    templates = Templates(site.zone, files)
    charts, energy = site.battery(mcu_id, window), site.window_energy(mcu_id, window)
    figures = json_bytes(charts.figures | energy.figures, 3).decode()
    # All that stands in these is our own, or made by our own templates. A text of the battery's
    # must not end the element that the figures are in.
    return templates.render(
        "report.html",
        battery=battery_name(mcu_id),
        begin=local_text(window.begin, site.zone),
        end=local_text(window.end, site.zone),
        made=local_text(site.now(), site.zone),
        style=Markup(files["style.css"].plain()),  # noqa: S704  # our own file
        charts=Markup(files["charts.js"].plain()),  # noqa: S704  # our own file
        plotly=Markup(files["plotly.min.js"].plain().replace("</script", "<\\/script")),  # noqa: S704  # a library's file
        figures=Markup(figures.replace("<", "\\u003c")),  # noqa: S704  # cannot end its element
        battery_parts=Markup(templates.parts(charts)),  # noqa: S704  # escaped by the template
        energy_parts=Markup(templates.parts(energy)),  # noqa: S704  # escaped by the template
    )
