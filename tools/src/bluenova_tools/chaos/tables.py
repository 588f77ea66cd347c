"""Reads what a run left in the database."""

import json
from contextlib import closing
from typing import Any

from bluenova_shared.table import COLUMNS, TABLE
from bluenova_tools.chaos.verdict import Tables
from bluenova_tools.local import Database


def read_tables(database: Database) -> Tables:
    """Rows, events and rejected items, at one instant.

    Raises:
        psycopg2.Error: the database is away.
    """
    names = ", ".join(column.name for column in COLUMNS)
    with closing(database.connect()) as db, db, db.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute(
            "SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8, "  # noqa: S608  # our own names
            f"{names} FROM {TABLE}"
        )
        found = cursor.fetchall()
        rows = [
            dict(zip([column.name for column in COLUMNS], row, strict=True)) for _, *row in found
        ]
        cursor.execute("SELECT mcu_id, event_time_utc, event FROM battery_pack_events")
        events = cursor.fetchall()
        cursor.execute("SELECT payload, reason FROM battery_pack_rejected")
        rejected = [(_payload(bytes(payload)), reason) for payload, reason in cursor.fetchall()]
    stored_s = {
        (row["mcu_id"], row["insert_time_utc"]): stored
        for row, (stored, *_) in zip(rows, found, strict=True)
    }
    return Tables(rows, stored_s, events, rejected)


def _payload(payload: bytes) -> dict[str, Any]:
    try:
        value = json.loads(payload)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"payload": repr(payload[:200])}
