"""A real Home Assistant in a folder of its own, set up as a person would: by its own API."""

import json
import os
import re
import signal
from pathlib import Path
from typing import Self

from tests.homeassistant.live.api import Api, Json

from bluenova_tools.local import free_port
from bluenova_tools.local.child import Child, plain_environment
from bluenova_tools.local.lifetime import Running

ROOT = Path(__file__).parents[3]
# Nothing of its default configuration, which looks for devices and calls home.
CONFIGURATION = """\
homeassistant:
  name: Test
  latitude: 0
  longitude: 0
  elevation: 0
  unit_system: metric
  currency: EUR
  country: ZA
  time_zone: UTC
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
websocket_api:
config:
onboarding:
recorder:
  commit_interval: 1
history:
logbook:
logger:
  default: warning
  logs:
    homeassistant.components.mqtt: info
"""
# Who complains about what we publish.
COMPLAINERS = re.compile(
    r" (WARNING|ERROR|CRITICAL) \(.*?\) \[homeassistant\."
    r"(components\.(mqtt|sensor|binary_sensor|automation|template)|helpers\.template)"
)
# What it says of a broker that has gone, which is our doing.
NO_BROKER = re.compile(
    r"(Error returned from|Failed to connect to|No ACK from) MQTT server"
    r"|Error talking to MQTT: The client is not currently connected"
)
START_WITHIN_S = 180


class HomeAssistant(Running):
    """A Home Assistant that lives within a `with` block, with the MQTT integration added.

    Its configuration and log are in `folder`; the broker is at `broker_port` of 127.0.0.1.
    `configuration` is more lines for its configuration.yaml. `root` is a folder with another
    system, to which it is confined, with itself in /venv.
    """

    def __init__(
        self, folder: Path, broker_port: int, configuration: str = "", root: Path | None = None
    ) -> None:
        self._folder = folder
        self._broker_port = broker_port
        self._root = root
        port = free_port()
        self.api = Api(port)
        self.child = Child("home assistant", folder / "output.log")
        (folder / ".storage").mkdir(parents=True)
        text = CONFIGURATION.format(port=port) + configuration
        (folder / "configuration.yaml").write_text(text, encoding="utf-8")
        # The other steps add integrations that talk to the world.
        done = {"done": ["core_config", "analytics", "integration"]}
        onboarding = {"version": 4, "minor_version": 1, "key": "onboarding", "data": done}
        (folder / ".storage" / "onboarding").write_text(json.dumps(onboarding))

    def start(self) -> None:
        """Starts it, or starts it again, and waits until it runs."""
        folder, python = self._folder, ROOT / ".venv-ha" / "bin" / "python"
        command: list[str | Path] = []
        if self._root is not None:
            folder, python = "/" / folder.relative_to(self._root), Path("/venv/bin/python")
            command = ["chroot", self._root]
        options = ["--skip-pip", "--log-no-color", "--ignore-os-check"]
        self.child.start(
            [*command, python, "-m", "homeassistant", "--config", folder, *options],
            environment=plain_environment() | {"HOME": "/tmp", "LC_ALL": "C.UTF-8"},  # noqa: S108  # it keeps nothing there
        )
        self.child.wait_until(self._runs, "running", timeout_s=START_WITHIN_S)

    def stop(self) -> None:
        """Ends it in good order."""
        self.api.close()
        self.child.end(signal.SIGTERM, timeout_s=60)

    def close(self) -> None:
        """Ends it; its folder stays, to be looked at."""
        self.stop()

    def devices(self) -> dict[str, Json]:
        """Our devices by their name."""
        listed = self.api.call("config/device_registry/list")
        return {d["name"]: d for d in listed if (d["name"] or "").startswith("BlueNova")}

    def entities(self) -> dict[str, Json]:
        """All MQTT entities by unique id, with `state` and `attributes` (None while disabled)."""
        listed = self.api.call("config/entity_registry/list")
        mine = [e["entity_id"] for e in listed if e["platform"] == "mqtt"]
        entries = (
            self.api.call("config/entity_registry/get_entries", entity_ids=mine) if mine else {}
        )
        nothing = {"state": None, "attributes": None}
        states = {s["entity_id"]: s for s in self.api.call("get_states")}
        return {
            entry["unique_id"]: {**entry, **states.get(entity_id, nothing)}
            for entity_id, entry in entries.items()
        }

    def state(self, unique_id: str) -> str | None:
        """The state of one entity."""
        entity = self.entities().get(unique_id)
        return None if entity is None else str(entity["state"])

    def complaints(self) -> list[str]:
        """What it logged about our messages, from warnings on."""
        return [
            line for line in self.lines() if COMPLAINERS.search(line) and not NO_BROKER.search(line)
        ]

    def __enter__(self) -> Self:
        """Starts it, makes its first user, and adds the broker."""
        super().__enter__()
        try:
            self.api.make_user()
            self.child.wait_until(self._runs, "running", timeout_s=START_WITHIN_S)
            self.api.add_mqtt(self._broker_port)
        except BaseException:
            self.close()
            raise
        return self

    def _runs(self) -> bool:
        try:
            if not self.api.has_user:
                return bool(self.api.request("/api/onboarding"))
            return bool(self.api.request("/api/config")["state"] == "RUNNING")
        except OSError:
            return False


def other_root() -> Path | None:
    """The folder that HA_ROOT names: another Home Assistant than .venv-ha, to be confined there."""
    named = os.environ.get("HA_ROOT")
    return Path(named).resolve() if named else None
