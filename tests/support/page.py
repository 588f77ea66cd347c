"""The page at work, and what it says."""

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.harness import eventually, query
from tests.support.questions import fill_hours, make_tables

from bluenova_tools.local import Database, Postgres, Service, free_port
from bluenova_tools.years.generator import generate
from bluenova_tools.years.plan import Size

ID = "1A2B3C01"
ZONE = "Europe/Berlin"


@dataclass(frozen=True)
class Answer:
    """What the page said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Page:
    """A page at work."""

    port: int
    service: Service

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, *, method: str = "GET", **headers: str) -> Answer:
        """Asks; the names of headers have _ for -."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(link):
            link.request(method, path, headers=named)
            said = link.getresponse()
            names = {name.lower(): value for name, value in said.getheaders()}
            return Answer(said.status, names, said.read())

    def page(self, path: str) -> Answer:
        """Asks as a browser does for a page."""
        return self.get(path, accept="text/html,*/*")


@contextlib.contextmanager
def serving(
    database: Database | Mapping[str, str], folder: Path, **settings: str
) -> Iterator[Page]:
    """The page, on this database."""
    port = free_port()
    where = database.environment() if isinstance(database, Database) else database
    environment = {**where, "TZ": ZONE, "DASHBOARD_PORT": str(port), **settings}
    folder.mkdir(exist_ok=True)
    with Service("bluenova_dashboard", environment=environment, folder=folder) as service:
        service.wait_for_line("The page is at", timeout_s=30)
        eventually(lambda: listens(port))
        yield Page(port, service)


def listens(port: int) -> bool:
    """Whether somebody listens on this port of 127.0.0.1."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
        return True
    return False


@contextlib.contextmanager
def three_days(postgres: Postgres) -> Iterator[Database]:
    """Two batteries, of 16 and of 8 cells, and the last three days; not to be written to."""
    database = postgres.create_database("three_days")
    make_tables(database)
    first_day = datetime.now(UTC).date() - timedelta(days=2)
    generate(database, Size(batteries=2, days=3, first_day=first_day))
    query(database, "DELETE FROM battery_pack WHERE insert_time_utc > now() AT TIME ZONE 'UTC'")
    fill_hours(database)
    yield database
    postgres.drop_database(database.name)
