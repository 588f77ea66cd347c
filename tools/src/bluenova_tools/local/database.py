"""Where a database is and how to get in."""

from dataclasses import dataclass

import psycopg2
from psycopg2.extensions import connection, make_dsn


@dataclass(frozen=True)
class Database:
    """Where a database is and how to get in."""

    host: str
    port: int
    name: str
    user: str
    password: str

    def environment(self) -> dict[str, str]:
        """The settings as libpq's own variables."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGDATABASE": self.name,
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
        }

    def dsn(self) -> str:
        """The settings as a libpq connection string."""
        return make_dsn(
            host=self.host, port=self.port, dbname=self.name, user=self.user, password=self.password
        )

    def connect(self, *, timeout_s: int = 5) -> connection:
        """A new connection, which the caller closes.

        Raises psycopg2.OperationalError if the server is away.
        """
        return psycopg2.connect(self.dsn(), connect_timeout=timeout_s)
