"""The pages as the files that Grafana reads."""

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from bluenova_tools.grafana.battery import battery
from bluenova_tools.grafana.cells import cells
from bluenova_tools.grafana.energy import energy
from bluenova_tools.grafana.health import health
from bluenova_tools.grafana.overview import overview


def dashboards() -> list[Dashboard]:
    """All pages."""
    return [overview(), battery(), cells(), energy(), health()]


def texts() -> dict[str, str]:
    """The text of each page's file, by the file's name."""
    encoder = JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False)
    return {f"{page.uid}.json": encoder.encode(page) + "\n" for page in dashboards()}
