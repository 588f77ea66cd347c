"""How rows get into the table: the statements, and the rows in the server's own words. Pure.

Many go by COPY into a stage, which is several times as fast. A few go as JSON: a stage costs 28 KB
of the server's log each time, a row 0.4 KB, and most batches are one row.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from bluenova_shared.table import COLUMNS, KEY, TABLE, Cell, TableColumn

# As many rows as this go as JSON.
FEW = 20

_NAMES = ", ".join(column.name for column in COLUMNS)
_KEY = ", ".join(KEY)

# Either of them keeps the table from being renamed or changed until the commit. The stage lives in
# the batch's transaction: a pooler in between gives each one another session.
STAGE = (
    f"CREATE TEMPORARY TABLE stage ON COMMIT DROP AS "
    f"SELECT 0 AS n, {_NAMES} FROM {TABLE} WITH NO DATA"
)
PIN = f"SELECT FROM {TABLE} LIMIT 0"
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
    # In one order, or two recorders that insert the same rows wait for each other for ever.
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


FROM_STAGE, FROM_JSON = _statements("stage"), _statements(_FEW)


def _format(column: TableColumn) -> str:
    return "%s" if column.decimals is None else f"%.{column.decimals}f"


_FORMATS = [_format(column) for column in COLUMNS]
_TEXTS = [place for place, column in enumerate(COLUMNS) if column.sql_type.startswith("VARCHAR")]
_QUOTED = {*_TEXTS, 0}  # the time comes first


def copy_line(n: int, values: Sequence[Cell]) -> str:
    """A line of COPY's text format: numbers with their columns' decimals, unknown as null."""
    cells = list(values)
    for place in _TEXTS:
        text = cells[place]
        if isinstance(text, str):
            cells[place] = _escaped(text)
    known = [cell for cell in cells if cell is not None]
    return _line_format(tuple([cell is not None for cell in cells])) % (n, *known)


@lru_cache(maxsize=256)
def _line_format(are_known: tuple[bool, ...]) -> str:
    """The line of all rows that know just these values: a battery says the same ones each time.

    One format for a row takes 8.7 us, one for each cell 10.3 us.
    """
    cells = [form if known else r"\N" for form, known in zip(_FORMATS, are_known, strict=True)]
    return "\t".join(["%d", *cells]) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")


def json_rows(rows: Sequence[Sequence[Cell]]) -> str:
    """The rows as JSON by their columns' names: the same numbers, unknown left out.

    Characters stand for themselves: only a database in UTF8 knows each escaped one.
    """
    return "[" + ", ".join(_json_row(values) for values in rows) + "]"


def _json_row(values: Sequence[Cell]) -> str:
    cells = []
    for place, (column, value) in enumerate(zip(COLUMNS, values, strict=True)):
        if value is not None:
            text = _FORMATS[place] % value
            if place in _QUOTED:
                text = json.dumps(text, ensure_ascii=False)
            cells.append(f'"{column.name}": {text}')
    return "{" + ", ".join(cells) + "}"
