"""Who we are to the database, and how a session with it behaves."""

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
}


@dataclass(frozen=True)
class Session:
    """How long the server waits for us, and we for it, in seconds."""

    lock_timeout_s: int = 10
    statement_timeout_s: int = 60
    idle_in_transaction_s: int = 30  # a recorder that froze lets go of its locks

    def settings(self) -> dict[str, str]:
        """The session's settings, in PostgreSQL's words."""
        return {
            "synchronous_commit": "on",  # "off" lost rows that were committed, at an immediate stop
            "lock_timeout": f"{self.lock_timeout_s}s",
            "statement_timeout": f"{self.statement_timeout_s}s",
            "idle_in_transaction_session_timeout": f"{self.idle_in_transaction_s}s",
            "client_encoding": "UTF8",
        }


SESSION = Session()


@dataclass(frozen=True)
class Account:
    """Which database, and who we are to it; libpq's own variables say the rest."""

    name: str
    user: str
    password: str | None = field(default=None, repr=False)

    def connect(self, session: Session = SESSION) -> pg.connection:
        """A new connection. Raises psycopg2.OperationalError."""
        db: pg.connection = psycopg2.connect(
            dbname=self.name, user=self.user, password=self.password, **_LINK
        )
        db.autocommit = True
        with db.cursor() as cursor:
            for name, value in session.settings().items():
                cursor.execute("SELECT set_config(%s, %s, false)", [name, value])
        db.autocommit = False
        return db
