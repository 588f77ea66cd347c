"""The newest rows of the table, as the lines that the demo prints at its end."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from psycopg2.extensions import connection

from bluenova_shared.table import COLUMNS, TABLE

NEWEST_ROWS = 6
SHOWN_COLUMNS = (
    "insert_time_utc", "mcu_id", "soc", "v_pack", "i_pack", "v_cell_min", "v_cell_max",
    "system_state",
)  # fmt: skip
LEFT = ("UTC", "mcu_id", "system_state")
DECIMALS = {column.name: column.decimals for column in COLUMNS}


def newest_rows(database: connection, since: datetime) -> tuple[int, list[str]]:
    """How many rows there are since then, and the newest as the lines of a table."""
    with database.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) OVER (), {', '.join(SHOWN_COLUMNS)} FROM {TABLE} "  # noqa: S608  # our own constants
            "WHERE insert_time_utc >= %s ORDER BY insert_time_utc DESC, mcu_id LIMIT %s",
            (since.astimezone(UTC).replace(tzinfo=None), NEWEST_ROWS),
        )
        rows = cursor.fetchall()
    return (rows[0][0] if rows else 0), as_table([row[1:] for row in rows])


def as_table(rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """Rows of SHOWN_COLUMNS as lines, headings first, numbers with their point in line."""
    headings = ["UTC", *SHOWN_COLUMNS[1:]]
    cells = [headings, *(list(map(_cell, SHOWN_COLUMNS, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    sides = ["<" if heading in LEFT else ">" for heading in headings]
    return [
        "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(line, sides, widths, strict=True)
        ).rstrip()
        for line in cells
    ]


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if name == "insert_time_utc":
        return f"{value:%H:%M:%S}"
    if name == "mcu_id":
        return f"{value:08X}"
    decimals = DECIMALS[name]
    return str(value) if decimals is None else f"{value:.{decimals}f}"
