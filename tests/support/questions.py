"""Tables with rows of one's own, and what the functions of sql/ answer about them."""

import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.support.harness import query

from bluenova_recorder.schema import prepare
from bluenova_recorder.sql_files import sql_files
from bluenova_tools.local import Database

BATTERY = 0x1A2B3C4D
NOON = datetime(2026, 3, 10, 12)  # noqa: DTZ001  # the table's times are UTC and have no zone
STEP = timedelta(seconds=10)

Row = dict[str, Any]


def make_tables(database: Database, before: str = "") -> None:
    """Makes what a recorder makes, maybe on a table that is there already."""
    if before:
        query(database, before)
    with contextlib.closing(database.connect()) as db:
        prepare(db)
        with db, db.cursor() as cursor:
            for file in sql_files():
                file.run(cursor)


def rows(
    count: int,
    *,
    start: datetime = NOON,
    step: timedelta = STEP,
    mcu_id: int = BATTERY,
    **values: Any,
) -> list[Row]:
    """So many rows, one after another. A value that is a function gets the row's number."""
    return [
        {
            "insert_time_utc": start + n * step,
            "mcu_id": mcu_id,
            **{name: value(n) if callable(value) else value for name, value in values.items()},
        }
        for n in range(count)
    ]


def cells(*volts: float | None, degrees: int | None = None) -> Row:
    """These cells' voltages, one temperature of all, and how many there are."""
    named: Row = {f"cell_{n:02d}_v": v for n, v in enumerate(volts, 1)}
    if degrees is not None:
        named |= {f"cell_{n:02d}_t": degrees for n in range(1, len(volts) + 1)}
    known = [v for v in volts if v is not None]
    return named | {
        "cell_count": len(volts),
        "v_cell_min": min(known, default=None),
        "v_cell_max": max(known, default=None),
    }


def insert(database: Database, *groups: Sequence[Row]) -> None:
    """Inserts rows; they may have different columns. Times are UTC."""
    with contextlib.closing(database.connect()) as db, db, db.cursor() as cursor:
        cursor.execute("SET LOCAL timezone = 'UTC'")
        for group in groups:
            for row in group:
                names = ", ".join(row)
                marks = ", ".join(["%s"] * len(row))
                cursor.execute(
                    f"INSERT INTO battery_pack ({names}) VALUES ({marks})", list(row.values())
                )


def fill_hours(database: Database) -> None:
    """Brings `battery_pack_hours` up to date, as a recorder does."""
    query(
        database,
        """
        INSERT INTO battery_pack_hours_filled
        VALUES ('battery_pack'::regclass::oid::BIGINT, '-infinity') ON CONFLICT DO NOTHING;
        DELETE FROM battery_pack_changed_hours;
        DELETE FROM battery_pack_hours;
        INSERT INTO battery_pack_hours
        SELECT hours.*
        FROM (SELECT mcu_id, min(insert_time_utc)::TIMESTAMP AS begins,
                     max(insert_time_utc)::TIMESTAMP + INTERVAL '1 us' AS ends
              FROM battery_pack WHERE mcu_id IS NOT NULL GROUP BY mcu_id) AS packs
        CROSS JOIN LATERAL battery_pack_hours_from_rows(mcu_id, begins, ends) AS hours;
        ANALYZE;
        """,
    )


def mark(database: Database, *hours: datetime, mcu_id: int = BATTERY) -> None:
    """Says that these hours' rows have changed."""
    for hour in hours:
        query(
            database,
            "INSERT INTO battery_pack_changed_hours (mcu_id, hour_utc) VALUES (%s, %s)",
            *(mcu_id, hour),
        )


def ask(database: Database, call: str, *values: object, zone: str = "UTC") -> list[Row]:
    """What a function answers, by column, asked from a session in that zone."""
    with contextlib.closing(database.connect()) as db, db.cursor() as cursor:
        cursor.execute("SELECT set_config('timezone', %s, FALSE)", [zone])
        cursor.execute(f"SELECT * FROM {call}", values)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def utc(*moment: int) -> str:
    """A point in time, as text that any session reads alike."""
    return f"{datetime(*moment):%Y-%m-%d %H:%M:%S}+00"  # type: ignore[arg-type]  # noqa: DTZ001  # year, month, day …; the zone is said
