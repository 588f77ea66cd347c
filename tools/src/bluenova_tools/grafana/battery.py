"""One battery: the page that users of the C program know."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from bluenova_tools.grafana.page import annotations, page
from bluenova_tools.grafana.panels import CELL_POINTS, look, over_time, states, values, with_limits
from bluenova_tools.grafana.query import (
    BATTERY,
    CELL_NAME,
    CELL_SERIES,
    SERIES,
    WINDOW,
    Asked,
    series,
    table,
)
from bluenova_tools.grafana.settings import battery as battery_setting
from bluenova_tools.grafana.settings import coloured, limits, silent, spreads

_NOW = f"""
    SELECT soc AS "Charge", power AS "Power", v_pack AS "Voltage", i_pack AS "Current",
           temp AS "Temperature", 1000 * spread AS "Spread", lowest_cell AS "Lowest cell",
           highest_cell AS "Highest cell", date_part('epoch', age) AS "Age"
    FROM battery_pack_latest WHERE mcu_id = {BATTERY}"""

_SAID = f"""
    SELECT system_state AS "State", charge_state AS "Charging", breaker AS "Breaker",
           coalesce(nullif(errors, ''), 'none') AS "Errors"
    FROM battery_pack_latest WHERE mcu_id = {BATTERY}"""

_PACK = f"""
    SELECT bucket_utc AS time, v_pack_mean AS "Pack voltage", soc_mean AS "Charge",
           temp_mean AS "Temperature", i_pack_mean AS "Current"
    FROM {SERIES} ORDER BY 1"""

_CELLS = f"""
    SELECT bucket_utc AS time, {CELL_NAME} AS metric, v_mean AS value
    FROM {CELL_SERIES} ORDER BY 1, 2"""

_CURRENT = f'SELECT bucket_utc AS time, i_pack_mean AS "Current" FROM {SERIES} ORDER BY 1'

_EXTREMES = f"""
    SELECT bucket_utc AS time, v_cell_min_min AS "Lowest cell", v_cell_max_max AS "Highest cell"
    FROM {SERIES} ORDER BY 1"""

_SPREAD = f'SELECT bucket_utc AS time, 1000 * spread_max AS "Spread" FROM {SERIES} ORDER BY 1'

_AREA = look("amp", custom_fillOpacity=25, custom_lineWidth=0, custom_axisPlacement="right")


def _state(name: str, title: str, ref_id: str) -> Asked:
    """What one thing said; nothing after its last row."""
    return table(
        f"""
        SELECT time, state AS "{title}"
        FROM battery_pack_changes({BATTERY}, {WINDOW}, '{name}')
        CROSS JOIN LATERAL (VALUES
            (began, coalesce(nullif(value, ''), 'none')),
            (CASE WHEN ended IS NULL THEN last_seen END, NULL)
        ) AS one (time, state)
        WHERE time IS NOT NULL ORDER BY time""",
        ref_id,
    )


def battery() -> Dashboard:
    """The page for one battery."""
    now = (
        values(
            "Now",
            table(_NOW),
            limits("Ages", "silent_s"),
            limits("Spreads", "spread_warning_mv", "spread_alarm_mv"),
            width=16,
        )
        .with_transformation(coloured("Ages", "Age"))
        .with_transformation(coloured("Spreads", "Spread"))
        .override_by_name("Charge", look("percent", 0))
        .override_by_name("Power", look("watt", 0))
        .override_by_name("Voltage", look("volt", 2))
        .override_by_name("Current", look("amp", 1))
        .override_by_name("Temperature", look("celsius", 0))
        .override_by_name("Spread", look("suffix: mV", 0))
        .override_by_name("Age", look("s", 0))
    )
    pack = (
        over_time("Pack", series(_PACK), unit="volt", height=10)
        .override_by_name("Charge", look("percent", custom_axisPlacement="right"))
        .override_by_name("Temperature", look("celsius", custom_axisPlacement="right"))
        .override_by_name("Current", _AREA)
    )
    cells = (
        over_time("Cells", series(_CELLS), series(_CURRENT, "B"), unit="volt", height=10)
        .max_data_points(CELL_POINTS)
        .override_by_name("Current", _AREA)
    )
    extremes = over_time("Lowest and highest cell", series(_EXTREMES), unit="volt")
    extremes.override_by_name(
        "Highest cell", look(custom_fillBelowTo="Lowest cell", custom_fillOpacity=20)
    )
    spread = with_limits(
        over_time(
            "Spread of the cells (largest of each point)",
            series(_SPREAD),
            limits("Spreads", "spread_warning_mv", "spread_alarm_mv"),
            unit="suffix: mV",
        )
    ).with_transformation(coloured("Spreads"))
    said = states(
        "States",
        _state("system_state", "State", "A"),
        _state("charge_state", "Charging", "B"),
        _state("breaker", "Breaker", "C"),
        _state("errors", "Errors", "D"),
    )
    return page(
        "battery",
        "One battery: pack, cells, lowest and highest cell, states.",
        [
            now,
            values("Says", table(_SAID), fields="/.*/", width=8),
            pack,
            cells,
            extremes,
            spread,
            said,
        ],
        settings=[battery_setting(), *silent(), *spreads()],
        marks=annotations(),
    )
