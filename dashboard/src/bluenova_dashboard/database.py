"""A few connections to the database that only read, and what a person is told if there is none."""

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from psycopg2 import errors
from psycopg2 import extensions as pg

from bluenova_dashboard.rows import Row

_LINK: dict[str, Any] = {
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "application_name": "bluenova-dashboard",
    # Here, as psycopg2 encodes with what it saw when it connected.
    "client_encoding": "UTF8",
}
# "Syntax error or access rule violation": our SQL names all that it takes from the functions, so it
# fails so if they are of another version.
_OTHER_SCHEMA = "42"


TOO_MANY = "Too many are asking at once. Try again in a moment."


class Unavailable(Exception):  # noqa: N818  # reads better than UnavailableError where it is caught
    """Why there is no answer now, fit to be shown to the user."""


@dataclass(frozen=True)
class Account:
    """Which database, and who we are to it; libpq's own variables say the rest."""

    name: str
    user: str
    password: str | None = field(default=None, repr=False)

    def connect(self) -> pg.connection:
        """A new connection that cannot write. Raises psycopg2.OperationalError."""
        db: pg.connection = psycopg2.connect(
            dbname=self.name, user=self.user, password=self.password, **_LINK
        )
        db.set_session(isolation_level=pg.ISOLATION_LEVEL_REPEATABLE_READ, readonly=True)
        return db


class Database:
    """Answers questions, so many at once; further ones wait for their turn."""

    def __init__(
        self,
        connect: Callable[[], pg.connection],
        *,
        at_once: int = 4,
        timeout_s: float = 10,
        patience_s: float = 10,
    ) -> None:
        self._connect = connect
        self._turns = threading.BoundedSemaphore(at_once)
        self._idle: list[pg.connection] = []
        self._timeout_s = timeout_s
        self._patience_s = patience_s

    @contextmanager
    def reading(self) -> Iterator[pg.cursor]:
        """Gives a cursor; all that is asked of it is of one instant. Raises Unavailable."""
        if not self._turns.acquire(timeout=self._patience_s):
            raise Unavailable(TOO_MANY)
        try:
            db = self._begin()
            try:
                with db.cursor() as cursor:
                    yield cursor
                db.rollback()
                self._idle.append(db)
            except BaseException:
                db.close()
                raise
        except psycopg2.Error as error:
            raise Unavailable(explain(error, self._timeout_s)) from error
        finally:
            self._turns.release()

    def _begin(self) -> pg.connection:
        """A connection in a transaction: one that is there, unless the server has ended it."""
        while self._idle:
            db = self._idle.pop()
            try:
                return self._set(db)
            except psycopg2.Error:
                db.close()
        return self._set(self._connect())

    def _set(self, db: pg.connection) -> pg.connection:
        with db.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, true),"
                " set_config('TimeZone', 'UTC', true)",
                [f"{round(self._timeout_s * 1000)}ms"],
            )
        return db

    def ask(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """The answer's rows, by column. Raises Unavailable."""
        with self.reading() as cursor:
            return rows_of(cursor, statement, values)

    def close(self) -> None:
        """Ends the connections that are idle."""
        while self._idle:
            self._idle.pop().close()


def rows_of(
    cursor: pg.cursor, statement: str, values: Sequence[object] | Mapping[str, object] = ()
) -> list[Row]:
    """What a statement answers, by column. Raises psycopg2.Error."""
    cursor.execute(statement, values)
    places = {column.name: n for n, column in enumerate(cursor.description or ())}
    return [Row(places, tuple(map(_known, values))) for values in cursor]


def _known(value: Any) -> Any:
    """A value as it is; what is no number, or endless, is not known."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def explain(error: psycopg2.Error, timeout_s: float) -> str:
    """What is wrong, and what to do, without the server's own words, which may hold secrets."""
    if isinstance(error, errors.QueryCanceled):
        return (
            f"The database did not answer within {timeout_s:g} s. It may be busy, or hours may be "
            "missing: see docs/database.md."
        )
    if isinstance(error, errors.InsufficientPrivilege):
        return (
            "The page's account may not read in the database. Grant it SELECT on all tables and "
            "USAGE on their schema: see docs/dashboards.md."
        )
    if isinstance(error, errors.InvalidParameterValue):
        return "The database does not know the time zone in TZ. Name another one."
    if (error.pgcode or "").startswith(_OTHER_SCHEMA):
        return (
            "The database has not got what this page asks, or has it from another version. Start "
            "the recorder of the same version once: it brings the database up to date."
        )
    return "The database does not answer."
