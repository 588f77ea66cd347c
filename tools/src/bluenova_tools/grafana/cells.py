"""The cells of one battery: which one is weak."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from bluenova_tools.grafana.page import annotations, page
from bluenova_tools.grafana.panels import CELL_POINTS, UNKNOWN, heat, look, over_time, rows
from bluenova_tools.grafana.query import CELL_NAME, CELL_SERIES, series, table
from bluenova_tools.grafana.settings import battery, coloured, limits, threshold

# Always the same, so that a colour and a height mean the same on every day and for every battery.
SCALE_MV = 30


def _of_each(column: str) -> str:
    return f"""
    SELECT bucket_utc AS time, {CELL_NAME} AS metric, {column} AS value
    FROM {CELL_SERIES} ORDER BY 1, 2"""


_TABLE = f"""
    SELECT {CELL_NAME} AS "Cell", avg(dev_mean) AS "Mean deviation", min(dev_min) AS "Lowest",
           max(dev_max) AS "Highest", max(abs(dev_mean)) AS "Largest mean",
           min(v_min) AS "Lowest voltage", max(v_max) AS "Highest voltage",
           max(t_max) AS "Highest temperature"
    FROM {CELL_SERIES} GROUP BY cell ORDER BY cell"""


def cells() -> Dashboard:
    """The page for one battery's cells."""
    each = (
        rows(
            "The cells in this time", table(_TABLE), limits("Deviations", "deviation_mv"), height=12
        )
        .max_data_points(CELL_POINTS)
        .with_transformation(coloured("Deviations", "Largest mean"))
        .override_by_regexp("/deviation|^Lowest$|^Highest$|mean$/", look("suffix: mV", 1))
        .override_by_name(
            "Largest mean",
            look(custom_cellOptions={"type": "color-background", "mode": "basic"}),
        )
        .override_by_regexp("/voltage$/", look("volt", 3))
        .override_by_name("Highest temperature", look("celsius", 0))
    )
    return page(
        "cells",
        "Each cell's deviation from the median of the cells, on a scale that is always the same.",
        [
            heat(
                "Deviation from the median",
                series(_of_each(f"coalesce(dev_mean, {UNKNOWN})")),
                limit=SCALE_MV,
                unit="suffix: mV",
            ),
            over_time("Deviation, as lines", series(_of_each("dev_mean")), unit="suffix: mV")
            .min(-SCALE_MV)
            .max(SCALE_MV)
            .max_data_points(CELL_POINTS),
            over_time("Temperature", series(_of_each("t_mean")), unit="celsius").max_data_points(
                CELL_POINTS
            ),
            each,
        ],
        settings=[battery(), threshold("deviation_mv", "Deviation: alarm (mV)", "15")],
        marks=annotations(),
    )
