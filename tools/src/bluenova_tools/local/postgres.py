"""A private PostgreSQL server, from a PyPI wheel or from the system."""

import contextlib
import os
import secrets
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection

from bluenova_tools.local.child import Child
from bluenova_tools.local.database import Database
from bluenova_tools.local.lifetime import Running
from bluenova_tools.local.ports import LOOPBACK, free_port
from bluenova_tools.local.programs import find_postgres
from bluenova_tools.local.system_user import give, make_folder, remove_folder, server_user


class Postgres(Running):
    """A server on a loopback port, its data in a temporary folder, within a `with` block.

    `port` 0 takes a free one, which stays the same over restarts. `config` is further server
    settings, for example `{"max_connections": "20"}`. `fast` skips fsync: a killed server keeps
    its data even so; a crashed machine would not.
    """

    user = "homeauto"

    def __init__(
        self, port: int = 0, *, config: Mapping[str, str] | None = None, fast: bool = False
    ) -> None:
        self.host = LOOPBACK
        self.port = port or free_port()
        self._settings = {
            "port": str(self.port),
            "listen_addresses": self.host,
            # No socket file: its path could be too long, and nobody needs it.
            "unix_socket_directories": "",
            **({"fsync": "off"} if fast else {}),
            **(config or {}),
        }
        self.password = secrets.token_hex(8)
        self._user = server_user()
        self.folder = make_folder("postgres", self._user)
        self._data = self.folder / "data"
        self._programs: Path | None = None
        # SIGQUIT lets the server end its own children and give back its shared memory.
        self.child = Child("PostgreSQL", self.folder / "postgres.log", death_signal=signal.SIGQUIT)

    def database(self, name: str = "postgres") -> Database:
        """How to reach one of its databases."""
        return Database(self.host, self.port, name, self.user, self.password)

    def environment(self, name: str = "postgres") -> dict[str, str]:
        """PGHOST, PGPORT, PGDATABASE, PGUSER and PGPASSWORD of one of its databases."""
        return self.database(name).environment()

    def connect(self, name: str = "postgres") -> connection:
        """A new connection to one of its databases; the caller closes it."""
        return self.database(name).connect()

    def create_database(self, name: str, *, template: str = "template1") -> Database:
        """Makes a database, as a copy of another one."""
        self._command("CREATE DATABASE {} TEMPLATE {}", name, template)
        return self.database(name)

    def drop_database(self, name: str) -> None:
        """Removes a database, even one that somebody is still connected to."""
        self._command("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def start(self, *, timeout_s: float = 30) -> None:
        """Starts it, or starts it again on the same data, and waits until it answers.

        Raises ServiceError if it does not come up.
        """
        if not self._data.exists():
            self._make_data()
        settings = (("-c", f"{name}={value}") for name, value in self._settings.items())
        self._run("postgres", "-D", self._data, *(word for pair in settings for word in pair))
        self.child.wait_until(self.answers, "answering", timeout_s=timeout_s)

    def answers(self) -> bool:
        """Whether it lets us in."""
        try:
            self.connect().close()
        except psycopg2.OperationalError:
            return False
        return True

    def stop(self, *, immediate: bool = False) -> None:
        """Ends it: open transactions are rolled back; `immediate` leaves the rest to recovery."""
        self.child.end(signal.SIGQUIT if immediate else signal.SIGINT, timeout_s=15)

    def kill(self) -> None:
        """Ends it and all its processes as a crash would."""
        processes = self._processes()
        self.child.kill()
        _send(processes, signal.SIGKILL)
        # The next start refuses while any of them still holds the shared memory.
        deadline = time.monotonic() + 10
        while any(map(_lives, processes)) and time.monotonic() < deadline:
            time.sleep(0.01)

    def freeze(self) -> None:
        """Stops it and all its processes from running, their connections open."""
        _send(self._processes(), signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it run on after `freeze`."""
        _send(self._processes(), signal.SIGCONT)

    def close(self) -> None:
        """Ends it and removes its data."""
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

    def _command(self, command: str, *names: str) -> None:
        with contextlib.closing(self.connect()) as connection:
            connection.autocommit = True  # databases cannot be made within a transaction
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL(command).format(*map(sql.Identifier, names)))

    def _make_data(self) -> None:
        secret = self.folder / "password"
        secret.write_text(self.password, encoding="ascii")
        give(secret, self._user)
        self._run(
            "initdb",
            *("--pgdata", self._data),
            *("--username", self.user, "--auth", "scram-sha-256", "--pwfile", secret),
            *("--encoding", "UTF8", "--no-locale"),
            "--no-sync",  # a folder that is new and empty has nothing to lose
        )
        if self.child.wait(timeout_s=120) != 0:
            raise self.child.error("initdb failed.")

    def _run(self, program: str, *arguments: str | Path) -> None:
        if self._programs is None:
            self._programs = find_postgres(self.folder, self._user)
        command = [self._programs / program, *arguments]
        self.child.start(command, user=self._user, folder=self.folder)


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
