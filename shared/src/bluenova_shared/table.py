"""The table `battery_pack`, derived from the Snapshot: its columns, and a snapshot as a row."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import Any, TypeVar, get_args

from pydantic.fields import FieldInfo

from bluenova_shared.quantity import Column, Series
from bluenova_shared.snapshot import Snapshot

TABLE = "battery_pack"
KEY = ("mcu_id", "insert_time_utc")

Marker = TypeVar("Marker")
Cell = int | float | str | datetime | None


@dataclass(frozen=True)
class TableColumn:
    """One column: its name and SQL type, and the field (and place in it) of its value."""

    name: str
    sql_type: str
    field: str
    index: int | None = None
    decimals: int | None = None


def quantities() -> Iterator[tuple[str, FieldInfo, Column]]:
    """Yields the Snapshot's fields that have a Column, in the table's order."""
    for name, field in Snapshot.model_fields.items():
        if column := marked(field, Column):
            yield name, field, column


def marked(field: FieldInfo, kind: type[Marker]) -> Marker | None:
    """Returns the field's mark of that kind, on itself or within its type, or None."""
    marks = chain(field.metadata, _within(field.annotation))
    return next((mark for mark in marks if isinstance(mark, kind)), None)


def _within(annotation: object) -> Iterator[object]:
    """Yields the parts of a type: those of `X | None`, those of an array's values, their marks."""
    for part in get_args(annotation):
        yield part
        yield from _within(part)


def value_type(field: FieldInfo) -> Any:
    """Returns the type of the field's value, or of each of its values if it is an array."""
    return get_args(field.annotation)[0] if marked(field, Series) else field.annotation


def _columns() -> Iterator[TableColumn]:
    yield TableColumn("insert_time_utc", "TIMESTAMP", "time")
    yield TableColumn("mcu_id", "BIGINT", "mcu_id")
    for name, field, column in quantities():
        series = marked(field, Series)
        if series is None:
            yield TableColumn(name, column.sql_type, name, None, column.decimals)
            continue
        for index in range(series.count):
            numbered = series.column.format(series.first + index)
            yield TableColumn(numbered, column.sql_type, name, index, column.decimals)


COLUMNS = tuple(_columns())
_values = attrgetter(*(name for name, _, _ in quantities()))
_ARRAYS = [place for place, (_, field, _) in enumerate(quantities()) if marked(field, Series)]


def row(snapshot: Snapshot) -> list[Cell]:
    """Returns the values in the order of COLUMNS; the time is UTC, the MCU ID a number."""
    time = snapshot.time
    # Half as long as time.replace(tzinfo=None).
    cells: list[Cell] = [datetime.combine(time, time.time()), int(snapshot.mcu_id, 16)]
    values = _values(snapshot)
    begin = 0
    for array in _ARRAYS:
        cells += values[begin:array]
        cells += values[array]
        begin = array + 1
    cells += values[begin:]
    return cells
