"""The store's bare loops: COPY of the same rows straight into a table, and through a stage."""

import io
from collections.abc import Sequence

from psycopg2.extensions import connection

from bluenova_recorder.insert import COPY_STRAIGHT, COPY_TO_STAGE
from bluenova_shared.table import COLUMNS, TABLE

_NAMES = ", ".join(column.name for column in COLUMNS)


def copy_straight(db: connection, batches: Sequence[bytes]) -> None:
    """One COPY and one commit for each batch of the recorder's lines."""
    for lines in batches:
        with db, db.cursor() as cursor:
            cursor.copy_expert(COPY_STRAIGHT, io.BytesIO(lines))


def copy_through_stage(db: connection, batches: Sequence[bytes]) -> None:
    """The same through a temporary table, and from there what is new."""
    for lines in batches:
        with db, db.cursor() as cursor:
            cursor.execute(
                f"CREATE TEMPORARY TABLE stage ON COMMIT DROP AS "
                f"SELECT {_NAMES} FROM {TABLE} WITH NO DATA"
            )
            cursor.copy_expert(COPY_TO_STAGE, io.BytesIO(lines))
            cursor.execute(
                f"INSERT INTO {TABLE} ({_NAMES}) SELECT {_NAMES} FROM stage "
                "ORDER BY mcu_id, insert_time_utc ON CONFLICT DO NOTHING"
            )
