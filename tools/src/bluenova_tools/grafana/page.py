"""What all pages have in common: links to each other, annotations, refresh and settings."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery, Dashboard, DashboardLink
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.table import Options as TableOptions

from bluenova_tools.grafana.query import (
    BATTERY,
    DATA_SOURCE,
    FROM_UTC,
    TO_UTC,
    WINDOW,
    named,
    table,
)
from bluenova_tools.grafana.settings import Variable, data_source

TAG = "bluenova"

_CAUSE = "'No rows: ' || cause AS text"
_GAPS = f"""
    SELECT greatest(gap_from, {FROM_UTC}) AS time,
           least(coalesce(gap_to, {TO_UTC}), {TO_UTC}) AS timeend, {_CAUSE}
    FROM battery_pack_gaps_between({BATTERY}, {WINDOW})
    ORDER BY gap DESC LIMIT 300"""
_ALL_GAPS = f"""
    SELECT greatest(gap_from, {FROM_UTC}) AS time,
           least(coalesce(gap_to, {TO_UTC}), {TO_UTC}) AS timeend,
           {named("latest.mcu_id")} || ': no rows, ' || cause AS text
    FROM battery_pack_latest AS latest
    CROSS JOIN LATERAL battery_pack_gaps_between(latest.mcu_id, {WINDOW})
    ORDER BY gap DESC LIMIT 300"""


def _changes(*names: str) -> str:
    listed = ", ".join(f"'{name}'" for name in names)
    return f"""
    SELECT began AS time, replace(name, '_', ' ') || ': ' || coalesce(nullif(value, ''), 'none')
               AS text
    FROM battery_pack_changes({BATTERY}, {WINDOW})
    WHERE name IN ({listed}) AND $__timeFilter(began)
    ORDER BY began DESC LIMIT 300"""


def _annotation(name: str, colour: str, sql: str, *, enable: bool = True) -> AnnotationQuery:
    return (
        AnnotationQuery()
        .name(name)
        .datasource(DATA_SOURCE)
        .enable(enable)
        .icon_color(colour)
        .target(table(sql, "Anno"))
    )


def annotations() -> list[Builder[models.AnnotationQuery]]:
    """One battery's gaps as regions, and its changes; of the states, if one turns them on."""
    return [
        _annotation("Gaps", "gray", _GAPS),
        _annotation("Errors and breaker", "red", _changes("errors", "breaker")),
        _annotation("States", "blue", _changes("system_state", "charge_state"), enable=False),
    ]


def annotations_of_all() -> list[Builder[models.AnnotationQuery]]:
    """The gaps of all batteries."""
    return [_annotation("Gaps", "gray", _ALL_GAPS)]


def page(
    name: str,
    description: str,
    panels: Sequence[Builder[models.Panel]],
    *,
    settings: Sequence[Variable],
    marks: Sequence[Builder[models.AnnotationQuery]],
    window: str = "now-24h",
    refresh: str = "1m",
) -> models.Dashboard:
    """A page; the panels fill it from left to right and from top to bottom."""
    made = (
        Dashboard(f"BlueNova {name}")
        .uid(f"bluenova-{name}")
        .description(description)
        .tags([TAG])
        .timezone("browser")
        .time(window, "now")
        .refresh(refresh)
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .variables([data_source(), *settings])
        .annotations(list(marks))
        .link(
            DashboardLink("BlueNova")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .include_vars(True)
            .keep_time(True)
        )
    )
    for panel in panels:
        made.with_panel(panel)
    return _tidied(made.build())


def _tidied(dashboard: models.Dashboard) -> models.Dashboard:
    """Numbers the panels, and leaves out what the SDK says and Grafana 12.4 has no use for."""
    left_out = None
    for number, panel in enumerate(dashboard.panels or [], 1):
        panel.id_val = number
        if isinstance(panel, models.Panel) and isinstance(panel.options, TableOptions):
            panel.options.footer = left_out
    for variable in dashboard.templating.list_val or []:
        variable.auto = variable.auto_min = variable.auto_count = left_out
    # Else they are in a menu; above the panels one sees them.
    for link in dashboard.links or []:
        link.placement = left_out  # type: ignore[assignment]  # the SDK leaves out None
    for mark in dashboard.annotations.list_val or []:
        mark.placement = left_out  # type: ignore[assignment]  # the SDK leaves out None
    return dashboard
