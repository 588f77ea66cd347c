"""A private Mosquitto broker."""

import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

from bluenova_tools.local.child import Child, ServiceError, plain_environment
from bluenova_tools.local.lifetime import Running
from bluenova_tools.local.ports import LOOPBACK, accepts_connections, free_port
from bluenova_tools.local.system_user import give, make_folder, remove_folder, server_user


def find_mosquitto() -> str:
    """The broker's program.

    Raises:
        ServiceError: there is none on this machine.
    """
    # Debian keeps it in /usr/sbin, which is not on everybody's PATH.
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    program = shutil.which("mosquitto", path=places)
    if program is None:
        raise ServiceError("Mosquitto was not found. Run `make setup`: it says what to install.")
    return program


class Mosquitto(Running):
    """A broker on a free loopback port that lives within a ``with`` block.

    Args:
        port: where to listen; 0 takes a free one, which stays the same over restarts.
        config: further lines for its configuration file.
        anonymous: whether clients may connect without a name.
        persistent: whether retained messages and sessions survive a restart.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        config: Sequence[str] = (),
        anonymous: bool = True,
        persistent: bool = False,
    ) -> None:
        self.host = LOOPBACK
        self.port = port or free_port()
        self.config = list(config)
        self.anonymous = anonymous
        self.persistent = persistent
        self._user = server_user()
        self.folder = make_folder("mosquitto", self._user)
        self.child = Child("mosquitto", self.folder / "mosquitto.log")

    def start(self, *, timeout_s: float = 10) -> None:
        """Start it, or start it again, and wait until it accepts connections.

        Raises:
            ServiceError: it did not come up.
        """
        settings = self._write_config()
        self.child.start(
            [find_mosquitto(), "-c", settings],
            environment=plain_environment(),
            user=self._user,
            folder=self.folder,
        )
        self.child.wait_until(
            lambda: accepts_connections(self.port), "accepting connections", timeout_s=timeout_s
        )

    def stop(self) -> None:
        """End it in good order: it says goodbye, and saves what it keeps."""
        self.child.end(signal.SIGTERM, timeout_s=5)

    def restart(self) -> None:
        """Stop it and start it on the same port."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it and remove its folder."""
        self.stop()
        remove_folder(self.folder)

    def _write_config(self) -> Path:
        path = self.folder / "mosquitto.conf"
        lines = [
            f"listener {self.port} {self.host}",
            f"allow_anonymous {str(self.anonymous).lower()}",
            # Unlike its standard output, this is not held back in a buffer.
            "log_dest stderr",
            "log_type all",
            "log_timestamp_format %Y-%m-%dT%H:%M:%S",
            f"persistence {str(self.persistent).lower()}",
            f"persistence_location {self.folder}/",
            *self.config,
        ]
        path.write_text("\n".join(lines) + "\n")
        give(path, self._user)
        return path
