"""The overview: all batteries, now and over time."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from bluenova_tools.grafana.page import annotations_of_all, page
from bluenova_tools.grafana.panels import look, over_time, rows, with_limits
from bluenova_tools.grafana.query import POINTS, WINDOW, ZONE, named, series, table
from bluenova_tools.grafana.settings import coloured, limits, silent, spreads

_NOW = f"""
    SELECT {named()} AS "Battery", insert_time_utc AS "Last seen",
           date_part('epoch', age) AS "Age", soc AS "Charge", power AS "Power",
           v_pack AS "Voltage", i_pack AS "Current", temp AS "Temperature",
           1000 * spread AS "Spread", lowest_cell AS "Lowest cell", lowest_cell_v AS "Lowest",
           highest_cell AS "Highest cell", highest_cell_v AS "Highest",
           days_since AS "Since full", integral_in AS "Charged today",
           integral_out AS "Discharged today", system_state AS "State", breaker AS "Breaker",
           errors AS "Errors", mcu_id::TEXT AS mcu_id
    FROM battery_pack_latest
    LEFT JOIN LATERAL battery_pack_last_full(mcu_id) ON TRUE
    LEFT JOIN LATERAL battery_pack_energy(
        mcu_id, now(), now() + INTERVAL '1 us', 'day', {ZONE}) ON TRUE
    ORDER BY mcu_id"""

_BATTERY_PAGE = {
    "title": "Show this battery",
    "url": "/d/bluenova-battery?var-battery=${__data.fields.mcu_id}&${__url_time_range}",
}


def _of_each(column: str) -> str:
    return f"""
    SELECT bucket_utc AS time, {named()} AS metric, {column} AS value
    FROM battery_pack_latest
    CROSS JOIN LATERAL battery_pack_series(mcu_id, {WINDOW}, {POINTS})
    ORDER BY 1, 2"""


_GAPS = f"""
    SELECT gap_from AS time, {named("latest.mcu_id")} AS "Battery",
           gap_to AS "Until", date_part('epoch', gap) AS "Duration", cause AS "Cause"
    FROM battery_pack_latest AS latest
    CROSS JOIN LATERAL battery_pack_gaps_between(latest.mcu_id, {WINDOW})
    ORDER BY gap_from DESC LIMIT 100"""


def overview() -> Dashboard:
    """The page for all batteries."""
    marked = {"type": "color-background", "mode": "basic"}
    now = (
        rows(
            "Now",
            table(_NOW),
            limits("Ages", "silent_s"),
            limits("Spreads", "spread_warning_mv", "spread_alarm_mv"),
        )
        .with_transformation(coloured("Ages", "Age"))
        .with_transformation(coloured("Spreads", "Spread"))
        .override_by_name("Battery", look(links=[_BATTERY_PAGE]))
        .override_by_name("Age", look("s", 0, custom_cellOptions=marked))
        .override_by_name("Spread", look("suffix: mV", 0, custom_cellOptions=marked))
        .override_by_name("Charge", look("percent", 0))
        .override_by_name("Power", look("watt", 0))
        .override_by_name("Voltage", look("volt", 2))
        .override_by_name("Current", look("amp", 1))
        .override_by_name("Temperature", look("celsius", 0))
        .override_by_regexp("/^(Lowest|Highest)$/", look("volt", 3))
        .override_by_name("Since full", look("d", 1))
        .override_by_regexp("/today$/", look("kwatth", 1))
    )
    spread = (
        with_limits(
            over_time(
                "Spread of the cells (largest of each point)",
                series(_of_each("1000 * spread_max")),
                limits("Spreads", "spread_warning_mv", "spread_alarm_mv"),
                unit="suffix: mV",
            )
        )
        .with_transformation(coloured("Spreads"))
        .min(0)
    )
    return page(
        "overview",
        "All batteries: how they are now, and their charge, power and spread over time.",
        [
            now,
            over_time("Charge", series(_of_each("soc_mean")), unit="percent", width=12),
            over_time("Power", series(_of_each("power_mean")), unit="watt", width=12),
            spread,
            rows("Gaps", table(_GAPS)).override_by_name("Duration", look("s", 0)),
        ],
        settings=[*silent(), *spreads()],
        marks=annotations_of_all(),
    )
