"""A private PgBouncer before a private PostgreSQL."""

import os
import shutil
import signal

from bluenova_tools.local.child import Child, ServiceError
from bluenova_tools.local.database import Database
from bluenova_tools.local.lifetime import Running
from bluenova_tools.local.ports import LOOPBACK, accepts_connections, free_port
from bluenova_tools.local.postgres import Postgres
from bluenova_tools.local.system_user import give, make_folder, remove_folder, server_user


def find_pgbouncer() -> str | None:
    """The program, if there is one on this machine."""
    # Debian keeps it in /usr/sbin, which is not on everybody's PATH.
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    return shutil.which("pgbouncer", path=places)


class PgBouncer(Running):
    """A pooler on a free loopback port: `mode` is transaction or session."""

    def __init__(self, postgres: Postgres, mode: str, *, pool_size: int = 5) -> None:
        self._postgres = postgres
        self._mode = mode
        self._pool_size = pool_size
        self.port = free_port()
        self._user = server_user()
        self.folder = make_folder("pgbouncer", self._user)
        self.child = Child("PgBouncer", self.folder / "pgbouncer.log")

    def environment(self, database: Database) -> dict[str, str]:
        """How to reach that database through it, as libpq's own variables."""
        return database.environment() | {"PGPORT": str(self.port)}

    def start(self) -> None:
        """Starts it, and waits until it accepts connections. Raises ServiceError if it does not."""
        users = self.folder / "users.txt"
        users.write_text(f'"{self._postgres.user}" "{self._postgres.password}"\n')
        settings = self.folder / "pgbouncer.ini"
        settings.write_text(
            "[databases]\n"
            f"* = host={self._postgres.host} port={self._postgres.port}\n"
            "[pgbouncer]\n"
            f"listen_addr = {LOOPBACK}\n"
            f"listen_port = {self.port}\n"
            "unix_socket_dir =\n"
            "auth_type = plain\n"
            f"auth_file = {users}\n"
            f"pool_mode = {self._mode}\n"
            f"default_pool_size = {self._pool_size}\n"
        )
        for path in (users, settings):
            give(path, self._user)
        program = find_pgbouncer()
        if program is None:
            raise ServiceError(
                "PgBouncer was not found. As root, tools/setup.sh pooler installs it."
            )
        self.child.start([program, settings], user=self._user, folder=self.folder)
        self.child.wait_until(
            lambda: accepts_connections(self.port), "accepting connections", timeout_s=10
        )

    def close(self) -> None:
        """Ends it, and removes its folder."""
        self.child.end(signal.SIGTERM, timeout_s=5)
        remove_folder(self.folder)
