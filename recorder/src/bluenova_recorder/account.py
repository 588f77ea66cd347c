"""Who we are to the database, and how a transaction with it behaves."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from psycopg2 import extensions as pg

# A server that does not answer is taken for lost soon; its data waits elsewhere.
_LINK: dict[str, Any] = {
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "application_name": "bluenova-recorder",
    # Here, as psycopg2 encodes with what it saw when it connected. It overrules a role's setting,
    # a database's own encoding, and PGCLIENTENCODING.
    "client_encoding": "UTF8",
}


@dataclass(frozen=True)
class Session:
    """How long the server waits for us, and we for it, in seconds."""

    lock_timeout_s: float = 10
    statement_timeout_s: float = 60
    idle_in_transaction_s: float = 30  # a recorder that froze lets go of its locks

    def settings(self) -> dict[str, str]:
        """The settings of a transaction, in PostgreSQL's words."""
        return {
            "synchronous_commit": "on",  # "off" lost rows that were committed, at an immediate stop
            "TimeZone": "UTC",  # or a column with a time zone shifts each row by the role's zone
            "lock_timeout": _ms(self.lock_timeout_s),
            "statement_timeout": _ms(self.statement_timeout_s),
            "idle_in_transaction_session_timeout": _ms(self.idle_in_transaction_s),
        }


SESSION = Session()
# For what must not stand in anybody's way: who waits for a lock makes all behind it wait. Less
# than PostgreSQL's deadlock_timeout, so that nobody else is ended in our stead.
BRIEF = Session(lock_timeout_s=0.3, statement_timeout_s=5)


def _ms(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


@dataclass(frozen=True)
class Account:
    """Which database, and who we are to it; libpq's own variables say the rest."""

    name: str
    user: str
    password: str | None = field(default=None, repr=False)

    def connect(self) -> pg.connection:
        """A new connection. Raises psycopg2.OperationalError."""
        db: pg.connection = psycopg2.connect(
            dbname=self.name, user=self.user, password=self.password, **_LINK
        )
        # It goes along with each BEGIN. A role may have another one as its default, with which
        # rows that two recorders insert at once are errors.
        db.set_session(isolation_level=pg.ISOLATION_LEVEL_READ_COMMITTED)
        return db


@contextlib.contextmanager
def transaction(
    db: pg.connection, session: Session = SESSION, first: str = ""
) -> Iterator[pg.cursor]:
    """Gives a cursor in a transaction, which is committed, or rolled back after an error.

    Its settings end with it: a pooler may give the server's session to somebody else then. The
    statements `first` are sent along with them, and the cursor has the result of the last.
    """
    with db, db.cursor() as cursor:
        settings = session.settings().items()
        calls = ", ".join(["set_config(%s, %s, true)"] * len(settings))
        # On a line of its own: PostgreSQL's errors quote the line, and so does the log.
        cursor.execute(
            f"SELECT {calls};\n{first}", [word for setting in settings for word in setting]
        )
        yield cursor


def is_pooled(db: pg.connection) -> bool:
    """Whether a pooler (PgBouncer …) stands in between: then a session may not be ours to keep.

    A pooler answers for many servers, and so with a process number of its own.
    """
    with db, db.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone() != (db.info.backend_pid,)
