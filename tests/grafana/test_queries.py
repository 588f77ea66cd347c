"""Each query of each panel, annotation and variable, asked as Grafana asks it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import psycopg2
import pytest
from tests.support.grafana import (
    Answer,
    Asked,
    Reader,
    View,
    all_queries,
    expand,
    interval_ms,
    pages,
    settings,
)

from bluenova_tools.grafana.panels import UNKNOWN

pytestmark = pytest.mark.services

QUERIES = all_queries()
SIXTEEN_CELLS, EIGHT_CELLS = f"{0x1A2B3C01}", f"{0x1A2B3C02}"
NUMBERS = {"int2", "int4", "int8", "float4", "float8", "numeric"}
TIMES = {"timestamp", "timestamptz"}
# What Grafana knows. Anything else it shows as PostgreSQL writes it: an interval, an array.
TYPES = NUMBERS | TIMES | {"text", "varchar", "bool"}
SERIES = {"timeseries", "heatmap"}
WINDOWS = {"an hour": 1, "a day": 24, "twelve days": 12 * 24, "a year": 365 * 24}


def view(asked: Asked, end: datetime, hours: float, battery: str = SIXTEEN_CELLS) -> View:
    """The page as it is at first, over so many hours."""
    variables = settings(pages()[asked.page])
    if "battery" in variables:
        variables["battery"] = battery
    return View(end - timedelta(hours=hours), end, variables)


def is_series(answer: Answer) -> None:
    """Time, then numbers; or time, the series' name and one number."""
    assert answer.names[0] == "time"
    assert answer.types[0] in TIMES
    times = answer.column("time")
    assert None not in times
    assert times == sorted(times)
    if answer.names[1] == "metric":
        assert answer.names == ["time", "metric", "value"]
        assert answer.types[1] == "text"
        assert answer.types[2] in NUMBERS
        assert len({row[:2] for row in answer.rows}) == len(answer.rows)
    else:
        assert set(answer.types[1:]) <= NUMBERS
        assert len(set(times)) == len(times)


def are_bars(answer: Answer) -> None:
    """A text for each group of bars, and numbers."""
    assert answer.types[0] == "text"
    assert set(answer.types[1:]) <= NUMBERS
    labels = [row[0] for row in answer.rows]
    assert labels == sorted(set(labels))


def are_values(answer: Answer) -> None:
    """One row of numbers or of texts."""
    assert len(answer.rows) == 1
    assert set(answer.types) <= NUMBERS or set(answer.types) <= {"text", "varchar"}


def are_states(answer: Answer) -> None:
    """Time and what was said from then on."""
    assert (answer.names[0], answer.types) == ("time", ["timestamp", "text"])
    assert len(answer.names) == 2
    times = answer.column("time")
    assert times == sorted(times)


def are_rows(answer: Answer) -> None:
    """Anything that Grafana can show, in columns of different names."""
    assert len(set(answer.names)) == len(answer.names)


def are_limits(answer: Answer) -> None:
    """What everything begins with, and one or two thresholds above it."""
    assert answer.names == ["base", "warning", "alarm"][: len(answer.names)]
    (row,) = answer.rows
    assert len(row) >= 2
    assert list(row) == sorted(row)


def are_marks(answer: Answer) -> None:
    """When, maybe until when, and what."""
    assert answer.names in (["time", "text"], ["time", "timeend", "text"])
    assert answer.types == ["timestamp"] * (len(answer.names) - 1) + ["text"]
    assert all(None not in row for row in answer.rows)
    assert all(row[0] <= row[1] for row in answer.rows if len(row) == 3)


def are_choices(answer: Answer) -> None:
    """What is chosen, and how it is shown."""
    assert answer.names == ["__value", "__text"]


FITS: dict[str, Callable[[Answer], None]] = {
    "timeseries": is_series,
    "heatmap": is_series,
    "barchart": are_bars,
    "stat": are_values,
    "state-timeline": are_states,
    "table": are_rows,
    "limits": are_limits,
    "annotation": are_marks,
    "variable": are_choices,
}


@pytest.mark.parametrize("hours", WINDOWS.values(), ids=WINDOWS)
@pytest.mark.parametrize("asked", QUERIES, ids=str)
def test_an_answer_is_what_its_panel_needs(
    asked: Asked, hours: float, filled: Reader, end: datetime
) -> None:
    for battery in (SIXTEEN_CELLS, EIGHT_CELLS):
        here = view(asked, end, hours, battery)
        answer = filled.ask(expand(asked.sql, here, asked.points))
        assert asked.format == ("time_series" if asked.kind in SERIES else "table")
        assert set(answer.types) <= TYPES
        FITS[asked.kind](answer)
        if hours >= WINDOWS["twelve days"]:  # all that a page shows has happened by then
            assert any(value is not None for row in answer.rows for value in row[1:])


@pytest.mark.parametrize("asked", QUERIES, ids=str)
def test_before_there_is_a_battery_nothing_fails(
    asked: Asked, empty: Reader, end: datetime
) -> None:
    here = view(asked, end, 24, battery="")
    assert set(empty.ask(expand(asked.sql, here, asked.points)).types) <= TYPES


def test_there_are_no_more_points_than_asked_for(filled: Reader, end: datetime) -> None:
    series = [asked for asked in QUERIES if asked.kind in SERIES]
    assert series
    for asked in series:
        for hours in WINDOWS.values():
            here = view(asked, end, hours)
            answer = filled.ask(expand(asked.sql, here, asked.points))
            wanted = hours * 3_600_000 / interval_ms(here, asked.points) + 2
            assert asked.points is not None
            assert 1 < len(set(answer.column("time"))) <= wanted


@pytest.mark.parametrize("bucket", ["hour", "day", "week", "month"])
def test_each_step_of_the_energy_can_be_chosen(bucket: str, filled: Reader, end: datetime) -> None:
    for asked in QUERIES:
        if asked.page == "bluenova-energy" and asked.kind not in {"annotation", "variable"}:
            here = view(asked, end, 240)
            chosen = replace(here, variables={**here.variables, "bucket": bucket})
            FITS[asked.kind](filled.ask(expand(asked.sql, chosen, asked.points)))


def test_the_weak_cell_is_the_one_that_the_cells_page_shows(filled: Reader, end: datetime) -> None:
    (heat,) = (asked for asked in QUERIES if asked.kind == "heatmap")
    answer = filled.ask(expand(heat.sql, view(heat, end, 240), heat.points))
    furthest: dict[str, float] = {}
    for cell, away in zip(answer.column("metric"), answer.column("value"), strict=True):
        if away != UNKNOWN:
            furthest[cell] = max(abs(away), furthest.get(cell, 0))
    assert max(furthest, key=furthest.__getitem__) == "Cell 05"


def test_a_quote_in_a_variable_stays_a_value(filled: Reader, end: datetime) -> None:
    asked = next(asked for asked in QUERIES if asked.page == "bluenova-energy")
    here = view(asked, end, 24)
    hostile = replace(here, variables={**here.variables, "bucket": "day'; SELECT 1; --"})
    with pytest.raises(psycopg2.DataError, match=r"(?i)select 1"):
        filled.ask(expand(asked.sql, hostile))
