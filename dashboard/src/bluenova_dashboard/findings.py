"""What stands out in a range, in sentences that one reads before the charts: pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from bluenova_dashboard.figures.buckets import in_utc
from bluenova_dashboard.figures.marks import is_plain
from bluenova_dashboard.ranges import Window, local_text
from bluenova_dashboard.words import number, span

Row = Mapping[str, Any]

_WORTH_MV = 10  # what is less is said to be even


@dataclass(frozen=True)
class Finding:
    """A sentence, and whether it is about something that is not as it should be."""

    text: str
    is_odd: bool


@dataclass(frozen=True)
class CellFacts:
    """What a cell did over a range; voltages in V, deviations in mV."""

    cell: int
    v_min: float | None
    v_max: float | None
    dev_mean: float | None
    low: tuple[float, datetime] | None
    high: tuple[float, datetime] | None
    t_max: float | None


def cell_facts(rows: Sequence[Row]) -> list[CellFacts]:
    """The facts of each cell."""
    by_cell: dict[int, list[Row]] = {}
    for row in rows:
        by_cell.setdefault(row["cell"], []).append(row)
    return [_facts(cell, of_cell) for cell, of_cell in sorted(by_cell.items())]


def _facts(cell: int, rows: list[Row]) -> CellFacts:
    def known(name: str) -> list[float]:
        return [row[name] for row in rows if row[name] is not None]

    # By the buckets' means: a single flicker is not what a cell is like.
    deviations = [
        (row["dev_mean"], row["bucket_utc"]) for row in rows if row["dev_mean"] is not None
    ]
    means = [deviation for deviation, _ in deviations]
    return CellFacts(
        cell=cell,
        v_min=min(known("v_min"), default=None),
        v_max=max(known("v_max"), default=None),
        dev_mean=sum(means) / len(means) if means else None,
        low=min(deviations, default=None),
        high=max(deviations, default=None),
        t_max=max(known("t_max"), default=None),
    )


def findings(
    cells: Sequence[CellFacts],
    gaps: Sequence[Row],
    changes: Sequence[Row],
    window: Window,
    zone: tzinfo,
) -> list[Finding]:
    """What stands out: the cells, the gaps, the errors."""
    found = [_of_cells(cells, zone), _of_gaps(gaps, window, zone), _of_errors(changes, zone)]
    return [one for one in found if one is not None]


def _of_cells(cells: Sequence[CellFacts], zone: tzinfo) -> Finding | None:
    lows = [(one.low, one.cell) for one in cells if one.low]
    highs = [(one.high, one.cell) for one in cells if one.high]
    if not lows or not highs:
        return None
    (low, low_at), low_cell = min(lows)
    (high, high_at), high_cell = max(highs)
    below = f"{number(abs(low))} mV below the pack's median ({local_text(low_at, zone)})"
    above = f"{number(abs(high))} mV above it ({local_text(high_at, zone)})"
    if max(-low, high) < _WORTH_MV:
        return Finding(f"The cells are even: all within {_WORTH_MV} mV of their median.", False)
    if low_cell == high_cell:
        return Finding(f"Cell {low_cell} stands out: up to {below}, and up to {above}.", True)
    if -low >= high:
        return Finding(
            f"Cell {low_cell} stands out: up to {below}. Highest was cell {high_cell}: up to "
            f"{above}.", True
        )  # fmt: skip
    return Finding(
        f"Cell {high_cell} stands out: up to {number(high)} mV above the pack's median "
        f"({local_text(high_at, zone)}). Lowest was cell {low_cell}: up to {number(-low)} mV "
        f"below it ({local_text(low_at, zone)}).",
        True,
    )


def _of_gaps(gaps: Sequence[Row], window: Window, zone: tzinfo) -> Finding | None:
    begin, end = in_utc(window.begin), in_utc(window.end)
    if not gaps:
        return Finding("No gaps: all rows are there.", False)

    def within(gap: Row) -> timedelta:
        length: timedelta = min(gap["gap_to"] or end, end) - max(gap["gap_from"], begin)
        return length

    longest = max(gaps, key=within)
    until = f"until {local_text(longest['gap_to'], zone)}" if longest["gap_to"] else "and lasts"
    told = f"from {local_text(longest['gap_from'], zone)} {until} ({longest['cause']})"
    if len(gaps) == 1:
        return Finding(f"One gap of {span(within(longest))}, {told}.", True)
    total = sum(map(within, gaps), timedelta())
    return Finding(
        f"{len(gaps)} gaps, {span(total)} together. The longest, {span(within(longest))}: {told}.",
        True,
    )


def _of_errors(changes: Sequence[Row], zone: tzinfo) -> Finding | None:
    odd = [
        change
        for change in changes
        if change["name"] in ("errors", "breaker") and not is_plain(change["name"], change["value"])
    ]
    if not odd:
        return Finding("No errors.", False)
    last = odd[-1]
    what = last["value"] if last["name"] == "errors" else f"breaker {last['value']}"
    times = "once" if len(odd) == 1 else f"{len(odd)} times"
    return Finding(
        f"An error or an open breaker {times}; the last: {what}, "
        f"{local_text(last['began'], zone)}, for {span(last['duration'])}.",
        True,
    )
