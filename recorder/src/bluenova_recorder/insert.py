"""How rows get into the table: the statements, and the rows in the server's own words. Pure.

Many go by COPY straight into the table. If one of them is there already, COPY takes none: then all
go by COPY into a stage, and from there what is new, for nearly twice the work. A few go as JSON: a
stage costs 28 KB of the server's log each time, a row 0.4 KB, and most batches are one row.
"""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import AnyStr, BinaryIO, Self

from bluenova_recorder.look import GLANCE
from bluenova_shared.table import COLUMNS, KEY, TABLE, Cell, TableColumn

# As many rows as this go as JSON.
FEW = 20

_NAMES = ", ".join(column.name for column in COLUMNS)
_KEY = ", ".join(KEY)

# What comes first of all: it keeps the table from being renamed or changed until the commit, and
# glances at it.
BEGIN = f"SELECT FROM {TABLE} LIMIT 0; {GLANCE}"
COPY_STRAIGHT = f"COPY {TABLE} ({_NAMES}) FROM STDIN"
# The stage lives in the batch's transaction: a pooler in between gives each one another session.
STAGE = (
    f"CREATE TEMPORARY TABLE stage ON COMMIT DROP AS "
    f"SELECT 0 AS n, {_NAMES} FROM {TABLE} WITH NO DATA"
)
COPY_TO_STAGE = "COPY stage FROM STDIN"
_FEW = (
    f"(SELECT ordinality - 1 AS n, {_NAMES} FROM "
    f"json_populate_recordset(NULL::{TABLE}, %(rows)s) WITH ORDINALITY) AS stage"
)
_BY_KEY = " AND ".join(f"there.{key} = stage.{key}" for key in KEY)
_THERE = ", ".join(f"there.{column.name}" for column in COLUMNS)
_STAGED = ", ".join(f"stage.{column.name}" for column in COLUMNS)


@dataclass(frozen=True)
class Statements:
    """What is done with the rows, from wherever they are.

    `insert_before_key` is for a table on which no key holds for rows before `unique_from`: one
    recorder at a time looks first. Both return a row for each that was inserted: what the server
    counts itself is what was offered, on some engines (Citus). `others` gives the rows that the
    table does not have, by their number, and whether it has others with their key.
    """

    insert: str
    insert_before_key: str
    others: str


def _statements(source: str) -> Statements:
    # The order keeps two recorders from waiting for each other, as the store says.
    return Statements(
        insert=f"INSERT INTO {TABLE} ({_NAMES}) SELECT {_NAMES} FROM {source} "
        f"ORDER BY {_KEY}, n ON CONFLICT DO NOTHING RETURNING TRUE",
        insert_before_key=f"INSERT INTO {TABLE} ({_NAMES}) "
        f"SELECT DISTINCT ON ({_KEY}) {_NAMES} FROM {source} "
        f"WHERE insert_time_utc >= %(unique_from)s "
        f"OR NOT EXISTS (SELECT FROM {TABLE} AS there WHERE {_BY_KEY}) "
        f"ORDER BY {_KEY}, n ON CONFLICT DO NOTHING RETURNING TRUE",
        # The table is read by itself: Citus joins none of its own with one that is not.
        others=f"WITH there AS (SELECT {_NAMES} FROM {TABLE} "
        f"WHERE mcu_id = ANY (%(mcu_ids)s) AND insert_time_utc = ANY (%(times)s::TIMESTAMP[])) "
        f"SELECT n, EXISTS (SELECT FROM there WHERE {_BY_KEY}) FROM {source} "
        f"WHERE NOT EXISTS (SELECT FROM there "
        f"WHERE {_BY_KEY} AND ({_THERE}) IS NOT DISTINCT FROM ({_STAGED}))",
    )


_FROM_STAGE, _FROM_JSON = _statements("stage"), _statements(_FEW)


@dataclass(frozen=True)
class Rows:
    """Rows ready for the server: in lines for COPY if they are many, in JSON if they are few."""

    statements: Statements
    lines: Sequence[bytes] = ()
    json: str | None = None

    @classmethod
    def of(cls, rows: Sequence[Sequence[Cell]]) -> Self:
        """Writes the rows in the server's words."""
        if len(rows) <= FEW:
            return cls(_FROM_JSON, json=json_rows(rows))
        return cls(_FROM_STAGE, lines=[copy_line(cells) for cells in rows])

    def for_table(self) -> BinaryIO:
        """The lines for COPY_STRAIGHT."""
        return io.BytesIO(b"".join(self.lines))

    def for_stage(self) -> BinaryIO:
        """The lines for COPY_TO_STAGE, each with the row's number."""
        return io.BytesIO(b"".join([b"%d\t%b" % numbered for numbered in enumerate(self.lines)]))


_TEXTS = [place for place, column in enumerate(COLUMNS) if column.sql_type.startswith("VARCHAR")]
_TIME = next(place for place, column in enumerate(COLUMNS) if column.sql_type == "TIMESTAMP")
_ALL_KNOWN = (True,) * len(COLUMNS)


def copy_line(values: Sequence[Cell]) -> bytes:
    """A line of COPY's text format: numbers with their columns' decimals, unknown as null.

    One format for the row takes 5 us, one for each cell 10 us; to look for None first, 1 us more.
    """
    cells: list[Cell | bytes] = list(values)
    cells[_TIME] = str(cells[_TIME]).encode()
    for place in _TEXTS:
        cells[place] = _copy_text(values[place])
    try:
        return _copy_form(_ALL_KNOWN) % tuple(cells)
    except TypeError:  # None is no number
        return _of_known(_copy_form, cells)


def json_rows(rows: Sequence[Sequence[Cell]]) -> str:
    """The rows as JSON by their columns' names: the same numbers, unknown left out."""
    return "[" + ", ".join([_json_row(values) for values in rows]) + "]"


def _json_row(values: Sequence[Cell]) -> str:
    cells = list(values)
    for place in _TEXTS:
        cells[place] = _json_text(values[place])
    if None not in cells:
        return _json_form(_ALL_KNOWN) % tuple(cells)
    return _of_known(_json_form, cells)


def _of_known(
    form_of: Callable[[tuple[bool, ...]], AnyStr], cells: Sequence[Cell | bytes]
) -> AnyStr:
    """The row of which some cells are not known."""
    are_known = tuple([cell is not None for cell in cells])
    return form_of(are_known) % tuple([cell for cell in cells if cell is not None])


# A battery knows the same values each time, and says the same few texts.
@lru_cache(maxsize=256)
def _copy_form(are_known: tuple[bool, ...]) -> bytes:
    cells = zip(COLUMNS, are_known, strict=True)
    forms = [_form(column, "%b") if known else r"\N" for column, known in cells]
    return ("\t".join(forms) + "\n").encode()


@lru_cache(maxsize=256)
def _json_form(are_known: tuple[bool, ...]) -> str:
    known = [column for column, is_known in zip(COLUMNS, are_known, strict=True) if is_known]
    return "{" + ", ".join([f'"{column.name}": {_json_cell(column)}' for column in known]) + "}"


def _json_cell(column: TableColumn) -> str:
    return _form(column, '"%s"' if column.sql_type == "TIMESTAMP" else "%s")


def _form(column: TableColumn, text: str) -> str:
    """The format of the column's numbers, or that of a `text` or time."""
    if column.decimals is not None:
        return f"%.{column.decimals}f"
    return "%d" if column.sql_type in ("BIGINT", "SMALLINT") else text


@lru_cache(maxsize=256)
def _copy_text(text: Cell) -> bytes:
    if text is None:
        return rb"\N"
    escaped = str(text).replace("\\", r"\\").replace("\t", r"\t")
    return escaped.replace("\n", r"\n").replace("\r", r"\r").encode()


@lru_cache(maxsize=256)
def _json_text(text: Cell) -> Cell:
    """Characters stand for themselves: only a database in UTF8 knows each escaped one."""
    return json.dumps(text, ensure_ascii=False) if isinstance(text, str) else text
