"""Rows of buckets as columns, with what is unknown where there is a gap: pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from bluenova_dashboard.ranges import Clock

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Columns:
    """What the buckets hold, by name, and their middles in UTC."""

    middles: list[datetime]
    values: dict[str, list[Any]]

    def __getitem__(self, name: str) -> list[Any]:
        return self.values[name] if self.middles else []


def width_of(begins: Sequence[datetime]) -> timedelta:
    """How wide the buckets are that begin at these times."""
    return min(
        (b - a for a, b in pairwise(begins) if b > a),
        default=timedelta(seconds=10),
    )


def in_utc(moment: datetime) -> datetime:
    """A time of the database, which is UTC, without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def columns(rows: Sequence[Row], gaps: Sequence[Row]) -> Columns:
    """The series by columns.

    Buckets that are narrower than the rows' interval are often empty without any gap: those go, or
    the lines would be dotted.
    """
    width = width_of([row["bucket_utc"] for row in rows])
    kept = [row for row in rows if row["row_count"] or _in_gap(row["bucket_utc"] + width / 2, gaps)]
    names = list(rows[0]) if rows else []
    return Columns(
        [row["bucket_utc"] + width / 2 for row in kept],
        {name: [_short(row[name]) for row in kept] for name in names},
    )


def cell_columns(rows: Sequence[Row], gaps: Sequence[Row]) -> tuple[list[int], Columns]:
    """The cells there are, and by (column's name, cell) what the buckets hold."""
    cells = sorted({row["cell"] for row in rows})
    by_bucket: dict[datetime, dict[int, Row]] = {}
    for row in rows:
        by_bucket.setdefault(row["bucket_utc"], {})[row["cell"]] = row
    width = width_of(sorted(by_bucket))
    kept = [
        (begin, by_cell)
        for begin, by_cell in sorted(by_bucket.items())
        if any(row["v_mean"] is not None for row in by_cell.values())
        or _in_gap(begin + width / 2, gaps)
    ]
    names = ("v_mean", "dev_mean")
    values = {
        f"{name} {cell}": [
            _short(by_cell[cell][name]) if cell in by_cell else None for _, by_cell in kept
        ]
        for name in names
        for cell in cells
    }
    return cells, Columns([begin + width / 2 for begin, _ in kept], values)


def _in_gap(moment: datetime, gaps: Sequence[Row]) -> bool:
    return any(
        gap["gap_from"] <= moment and (gap["gap_to"] is None or moment <= gap["gap_to"])
        for gap in gaps
    )


def _short(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def drawn_gaps(gaps: Sequence[Row], clock: Clock) -> list[Row]:
    """The gaps that are wide enough to be seen, cut to the window."""
    least = clock.window.length / 500
    begin, end = in_utc(clock.window.begin), in_utc(clock.window.end)
    found: list[Row] = []
    for gap in gaps:
        first, last = max(gap["gap_from"], begin), min(gap["gap_to"] or end, end)
        if last - first >= least:
            found.append({**gap, "first": first, "last": last})
    return found
