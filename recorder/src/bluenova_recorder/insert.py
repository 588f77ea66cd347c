"""How rows get into the table: the statements, and the rows in the server's own words. Pure.

Many go by COPY straight into the table. If one of them is there already, COPY takes none: then all
go by COPY into a stage, and from there what is new, for nearly twice the work. A few go as JSON: a
stage costs 28 KB of the server's log each time, a row 0.4 KB, and most batches are one row.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from pydantic_core import to_json

from bluenova_recorder.look import GLANCE
from bluenova_shared.table import COLUMNS, KEY, TABLE, Cell

# As many rows as this go as JSON.
FEW = 20

_NAMES = ", ".join(column.name for column in COLUMNS)
_KEY = ", ".join(KEY)

# What comes first of all: it keeps the table from being renamed or changed until the commit, and
# glances at it.
BEGIN = f"SELECT FROM {TABLE} LIMIT 0; {GLANCE}"
# A row's JSON without its brackets is nearly such a line. E: some servers take '\\' for one.
_CSV = r"(FORMAT csv, ESCAPE E'\\', NULL 'null')"
COPY_STRAIGHT = f"COPY {TABLE} ({_NAMES}) FROM STDIN {_CSV}"
# The stage lives in the batch's transaction: a pooler in between gives each one another session.
STAGE = (
    f"CREATE TEMPORARY TABLE stage ON COMMIT DROP AS "
    f"SELECT 0 AS n, {_NAMES} FROM {TABLE} WITH NO DATA"
)
COPY_TO_STAGE = f"COPY stage FROM STDIN {_CSV}"
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

    def for_table(self) -> bytes:
        """The lines for COPY_STRAIGHT."""
        return b"".join(self.lines)

    def for_stage(self) -> bytes:
        """The lines for COPY_TO_STAGE, each with the row's number."""
        return b"".join([b"%d,%b" % numbered for numbered in enumerate(self.lines)])


_COLUMN_NAMES = [column.name for column in COLUMNS]
_ESCAPE = re.compile(rb"\\(?:u[0-9a-f]{4}|.)")
_SAME_IN_CSV = (rb"\"", rb"\\")


def copy_line(cells: Sequence[Cell]) -> bytes:
    """A line of COPY's CSV: the row's JSON, but for its brackets and escaped control characters."""
    line = to_json(cells)[1:-1] + b"\n"
    return _ESCAPE.sub(_in_csv, line) if b"\\" in line else line


def _in_csv(escape: re.Match[bytes]) -> bytes:
    if escape[0] in _SAME_IN_CSV:
        return escape[0]
    character: str = json.loads(b'"%b"' % escape[0])
    return character.encode()


def json_rows(rows: Sequence[Sequence[Cell]]) -> str:
    """The rows as JSON by their columns' names."""
    return to_json([dict(zip(_COLUMN_NAMES, cells, strict=True)) for cells in rows]).decode()
