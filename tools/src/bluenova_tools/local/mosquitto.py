"""A private Mosquitto broker."""

from collections.abc import Sequence

from bluenova_tools.local.child import Child
from bluenova_tools.local.lifetime import Running
from bluenova_tools.local.ports import LOOPBACK, accepts_connections, free_port
from bluenova_tools.local.programs import find_mosquitto
from bluenova_tools.local.system_user import give, make_folder, remove_folder, server_user


class Mosquitto(Running):
    """A broker on a loopback port that lives within a `with` block.

    `port` 0 takes a free one, which stays the same over restarts. `config` is further lines for
    its configuration file. With `anonymous`, clients may connect without a name. With
    `persistent`, retained messages and sessions survive a restart. Its log has the `log_types`; all
    of them cost a line for each message.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        config: Sequence[str] = (),
        anonymous: bool = True,
        persistent: bool = False,
        log_types: Sequence[str] = ("all",),
    ) -> None:
        self.host = LOOPBACK
        self.port = port or free_port()
        self.config = list(config)
        self._anonymous = anonymous
        self._persistent = persistent
        self._log_types = log_types
        self._user = server_user()
        self.folder = make_folder("mosquitto", self._user)
        self.child = Child("mosquitto", self.folder / "mosquitto.log")

    def start(self, *, timeout_s: float = 10) -> None:
        """Starts it, or starts it again, and waits until it accepts connections.

        Raises ServiceError if it does not come up.
        """
        settings = self.folder / "mosquitto.conf"
        lines = [
            f"listener {self.port} {self.host}",
            f"allow_anonymous {str(self._anonymous).lower()}",
            # Unlike its standard output, this is not held back in a buffer.
            "log_dest stderr",
            *(f"log_type {one}" for one in self._log_types),
            "log_timestamp_format %Y-%m-%dT%H:%M:%S",
            f"persistence {str(self._persistent).lower()}",
            f"persistence_location {self.folder}/",
            *self.config,
        ]
        settings.write_text("\n".join(lines) + "\n")
        give(settings, self._user)
        self.child.start([find_mosquitto(), "-c", settings], user=self._user, folder=self.folder)
        self.child.wait_until(
            lambda: accepts_connections(self.port), "accepting connections", timeout_s=timeout_s
        )

    def close(self) -> None:
        """Ends it and removes its folder."""
        self.stop()
        remove_folder(self.folder)
