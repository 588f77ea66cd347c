"""Databases that are not as ours are, and recorders at work in them."""

import contextlib
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from psycopg2 import sql
from tests.support.harness import Listener, eventually, query, recorder
from tests.support.recording import Recording

from bluenova_recorder import schema
from bluenova_recorder.account import Account
from bluenova_recorder.housekeeping import renew
from bluenova_recorder.look import look
from bluenova_recorder.rollup import triggers
from bluenova_recorder.rollup.fill import fill
from bluenova_recorder.rollup.renew import WAITS
from bluenova_recorder.table_state import NEVER
from bluenova_tools.local import Database, Mosquitto, Postgres

_numbers = count(1)


@contextlib.contextmanager
def odd_database(
    postgres: Postgres, *, encoding: str = "UTF8", before: str = ""
) -> Iterator[Database]:
    """A database with this encoding, on which these statements have been run."""
    name = f"odd_{next(_numbers)}"
    with contextlib.closing(postgres.connect()) as db:
        db.autocommit = True
        with db.cursor() as cursor:
            cursor.execute(
                sql.SQL(
                    "CREATE DATABASE {} ENCODING {} LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
                ).format(sql.Identifier(name), sql.Literal(encoding))
            )
    try:
        if before:
            query(postgres.database(name), before)
        yield postgres.database(name)
    finally:
        postgres.drop_database(name)


@contextlib.contextmanager
def recording_in(
    database: Database, folder: Path, *, where: Mapping[str, str] | None = None, **settings: Any
) -> Iterator[Recording]:
    """A recorder at work in that database, which it reaches at `where`, maybe another way."""
    with (
        Mosquitto() as broker,
        Listener(broker) as listener,
        recorder(folder, where or database, mqtt_port=broker.port, **settings) as service,
    ):
        eventually(lambda: listener.payloads("bluenova/recorder"), timeout_s=20)
        yield Recording(broker, database, service, listener)


def unique_from(database: Database) -> str:
    """Since when a key keeps the table's rows unique: a time, ALWAYS or NEVER."""
    with contextlib.closing(database.connect()) as db, db.cursor() as cursor:
        state = look(cursor)
        return NEVER if state is None else state.unique_from


def start_in(account: Account) -> None:
    """Makes all that a recorder makes when it starts."""
    with contextlib.closing(account.connect()) as db:
        schema.prepare(db)
        renew(db)
        with db, db.cursor() as cursor:
            missing = triggers.unmarked(cursor)
        triggers.see_to(account, missing)
        with db, db.cursor() as cursor:
            while fill(cursor, WAITS) is not None:
                pass
