"""The energy of one battery, in and out, in the page's time zone."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from bluenova_tools.grafana.page import annotations, page
from bluenova_tools.grafana.panels import bars, look, rows, values
from bluenova_tools.grafana.query import BATTERY, WINDOW, ZONE, table
from bluenova_tools.grafana.settings import battery, choice

_ENERGY = f"battery_pack_energy({BATTERY}, {WINDOW}, ${{bucket:sqlstring}}, {ZONE})"

_BEGIN = """to_char(bucket_local, CASE ${bucket:sqlstring} WHEN 'month' THEN 'YYYY-MM'
           WHEN 'hour' THEN 'MM-DD HH24:MI' ELSE 'YYYY-MM-DD' END) AS "From\""""

_TOLD = f"""
    SELECT {_BEGIN}, energy_in AS "In", energy_out AS "Out"
    FROM {_ENERGY} ORDER BY bucket_begin"""

_INTEGRAL = f"""
    SELECT {_BEGIN}, integral_in AS "In", integral_out AS "Out"
    FROM {_ENERGY} ORDER BY bucket_begin"""

_SUMS = f"""
    SELECT sum(energy_in) AS "In, as the battery says", sum(energy_out) AS "Out, as it says",
           sum(integral_in) AS "In, integral", sum(integral_out) AS "Out, integral",
           100 * sum(integral_out) / nullif(sum(integral_in), 0) AS "Out of in"
    FROM {_ENERGY}"""

_ROWS = f"""
    SELECT bucket_begin AS time, bucket_end AS "Until", energy_in AS "In, as the battery says",
           energy_out AS "Out, as it says", integral_in AS "In, integral",
           integral_out AS "Out, integral"
    FROM {_ENERGY} ORDER BY bucket_begin DESC"""


def energy() -> Dashboard:
    """The page for one battery's energy."""
    return page(
        "energy",
        "Energy in and out: as the battery's own totals say (in their unit), and power over time"
        " (kWh; it knows nothing of gaps).",
        [
            values("Sums of whole steps", table(_SUMS))
            .override_by_regexp("/integral$/", look("kwatth", 1))
            .override_by_regexp("/says$/", look("none", 1))
            .override_by_name("Out of in", look("percent", 0)),
            bars("As the battery's totals say", table(_TOLD), unit="none"),
            bars("Power over time", table(_INTEGRAL), unit="kwatth"),
            rows("Each step", table(_ROWS), height=10)
            .override_by_regexp("/integral$/", look("kwatth", 2))
            .override_by_regexp("/says$/", look("none", 2)),
        ],
        settings=[battery(), choice("bucket", "Step", "day", "week", "month", "hour")],
        marks=annotations(),
        window="now-30d",
        refresh="5m",
    )
