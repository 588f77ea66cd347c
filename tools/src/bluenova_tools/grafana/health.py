"""The health of one battery over months: what wears, and which cell."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from bluenova_tools.grafana.page import annotations, page
from bluenova_tools.grafana.panels import bars, look, rows, values
from bluenova_tools.grafana.query import BATTERY, CELL_NAME, WINDOW, ZONE, table
from bluenova_tools.grafana.settings import battery, coloured, limits, threshold

_NOW = f"""
    SELECT health AS "State of health", days_since AS "Since full"
    FROM battery_pack_latest
    LEFT JOIN LATERAL battery_pack_last_full(mcu_id) ON TRUE
    WHERE mcu_id = {BATTERY}"""

_CYCLES = f"""
    SELECT full_equivalent_cycles AS "Full cycles", capacity_ah AS "Capacity",
           capacity_samples AS "Discharges it is from", charge_in_ah AS "Charged",
           charge_out_ah AS "Discharged", date_part('epoch', at_high_charge) AS "At 90 % or more",
           date_part('epoch', at_low_charge) AS "At 10 % or less",
           date_part('epoch', known) AS "Of a time of"
    FROM battery_pack_cycles({BATTERY}, {WINDOW})"""

_MONTHS = f"""generate_series(
        date_trunc('month', $__timeFrom()::TIMESTAMPTZ AT TIME ZONE {ZONE}),
        $__timeTo()::TIMESTAMPTZ AT TIME ZONE {ZONE}, INTERVAL '1 month') AS month"""

_SPREAD = f"""
    SELECT to_char(month, 'YYYY-MM') AS "Month",
           max(spread_mean) FILTER (WHERE condition = 'top') AS "Full, being charged",
           max(spread_mean) FILTER (WHERE condition = 'rest') AS "At rest",
           max(spread_mean) FILTER (WHERE condition = 'load') AS "Under load"
    FROM {_MONTHS}
    CROSS JOIN LATERAL battery_pack_spread(
        {BATTERY}, month AT TIME ZONE {ZONE}, (month + INTERVAL '1 month') AT TIME ZONE {ZONE})
    GROUP BY month ORDER BY month"""

_RESISTANCE = f"""
    SELECT {CELL_NAME} AS "Cell", resistance AS "Times the median"
    FROM battery_pack_cell_resistance({BATTERY}, {WINDOW}) ORDER BY cell"""

_SAMPLES = f"""
    SELECT {CELL_NAME} AS "Cell", resistance AS "Times the median", samples AS "Samples",
           median_mohm AS "The median cell's", resistance * median_mohm AS "About"
    FROM battery_pack_cell_resistance({BATTERY}, {WINDOW}) ORDER BY cell"""

_CAPACITIES = f"""
    SELECT empty_time AS time, full_time AS "Full at", capacity_ah AS "Capacity",
           100 * known AS "Known"
    FROM battery_pack_capacity({BATTERY}, {WINDOW}) ORDER BY empty_time DESC"""


def health() -> Dashboard:
    """The page for one battery's health."""
    cycles = (
        values("In this time", table(_CYCLES), width=16)
        .override_by_regexp("/^(Capacity|Charged|Discharged)$/", look("suffix: Ah", 0))
        .override_by_name("Full cycles", look("none", 1))
        .override_by_regexp("/^(At |Of )/", look("s", 0))
    )
    samples = (
        rows("Resistance and its samples", table(_SAMPLES), limits("Ratios", "resistance_ratio"))
        .with_transformation(coloured("Ratios", "Times the median"))
        .override_by_name(
            "Times the median",
            look("none", 2, custom_cellOptions={"type": "color-background", "mode": "basic"}),
        )
        .override_by_regexp("/^(The median cell's|About)$/", look("suffix: mΩ", 2))
    )
    return page(
        "health",
        "Cycles, capacity, the spread of the cells over months, and their resistance. What the"
        " figures are made from, and when they are missing, is in docs/database.md.",
        [
            values("Now", table(_NOW), width=8)
            .override_by_name("State of health", look("percent", 1))
            .override_by_name("Since full", look("d", 1)),
            cycles,
            bars("Mean spread of each month", table(_SPREAD), unit="suffix: mV", width=24),
            bars("Resistance of the cells", table(_RESISTANCE), unit="none"),
            rows("Capacity: discharges from full to empty", table(_CAPACITIES), width=12, height=9)
            .override_by_name("Capacity", look("suffix: Ah", 1))
            .override_by_name("Known", look("percent", 1)),
            samples,
        ],
        settings=[battery(), threshold("resistance_ratio", "Resistance: alarm (×)", "1.5")],
        marks=annotations(),
        window="now-1y",
        refresh="15m",
    )
