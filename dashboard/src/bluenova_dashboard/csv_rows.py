"""Rows as CSV: pure."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Any

Row = Mapping[str, Any]

CELLS = 16
# A spreadsheet takes a text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def lines(pieces: Iterable[Sequence[Row]], zone: tzinfo) -> Iterator[str]:
    """The text, piece by piece: a heading, then a line for each row, times in UTC and local."""
    heading = True
    for rows in pieces:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        if heading and rows:
            writer.writerow(_heading(rows[0]))
            heading = False
        for row in rows:
            writer.writerow(_line(row, zone))
        yield text.getvalue()
    if heading:
        yield "time_utc,time_local\r\n"


def _heading(row: Row) -> list[str]:
    names = [name for name in row if name not in ("time_utc", "cell_v", "cell_t")]
    cells = [f"cell_{n:02d}_{kind}" for kind in "vt" for n in range(1, CELLS + 1)]
    return ["time_utc", "time_local", *names, *cells]


def _line(row: Row, zone: tzinfo) -> list[Any]:
    utc = row["time_utc"].replace(tzinfo=UTC)
    local = utc.astimezone(zone).isoformat()
    values = [v for name, v in row.items() if name not in ("time_utc", "cell_v", "cell_t")]
    told = [_text(v) for v in values]
    return [f"{row['time_utc'].isoformat()}Z", local, *told, *row["cell_v"], *row["cell_t"]]


def _text(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value
