"""The brokers, each with the way to start it on a port of this machine."""

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bluenova_tools.local import Mosquitto, free_port
from bluenova_tools.local.child import Child
from bluenova_tools.local.lifetime import Running
from bluenova_tools.local.ports import LOOPBACK, accepts_connections
from bluenova_tools.local.programs import find_mosquitto
from bluenova_tools.local.system_user import remove_folder

MADE = Path(__file__).parents[2] / ".brokers"
START_WITHIN_S = 60.0


@dataclass(frozen=True)
class Kind:
    """A broker that setup.sh makes: its version, and the command for a port and a folder."""

    name: str
    version: str
    command: Callable[[int, Path], Sequence[str | Path]]

    def why_not(self) -> str:
        """Why it cannot be had; empty if it can."""
        if (MADE / self.name / ".ready").exists():
            return ""
        reason = MADE / f"{self.name}.why"
        if reason.exists():
            return reason.read_text(encoding="utf-8").strip()
        return f"it is not made: tests/brokers/setup.sh {self.name}"


class Made(Running):
    """One that setup.sh made, within a `with` block; it keeps its port and data over restarts."""

    def __init__(self, kind: Kind) -> None:
        self.host = LOOPBACK
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"bluenova-{kind.name}-"))
        self.child = Child(kind.name, self.folder / f"{kind.name}.log")
        self._command = kind.command(self.port, self.folder)

    def start(self) -> None:
        """Starts it, or starts it again, and waits until it accepts connections."""
        self.child.start(self._command, folder=self.folder)
        self.child.wait_until(
            lambda: accepts_connections(self.port),
            "accepting connections",
            timeout_s=START_WITHIN_S,
        )

    def close(self) -> None:
        """Ends it and removes its folder."""
        self.stop()
        remove_folder(self.folder)


def _mochi(port: int, _folder: Path) -> Sequence[str | Path]:
    return [MADE / "mochi/mochi", f"{LOOPBACK}:{port}"]


def _hivemq(port: int, folder: Path) -> Sequence[str | Path]:
    classes = f"{MADE}/hivemq:{MADE}/hivemq/lib/*"
    return ["java", "-cp", classes, "Start", str(port), folder]


def _rumqttd(port: int, folder: Path) -> Sequence[str | Path]:
    settings = folder / "rumqttd.toml"
    pattern = Path(__file__).parent / "rumqttd/rumqttd.toml"
    settings.write_text(pattern.read_text(encoding="utf-8").replace("PORT", str(port)))
    return [MADE / "rumqttd/bin/rumqttd", "--quiet", "--config", settings]


def _rmqtt(port: int, _folder: Path) -> Sequence[str | Path]:
    return [MADE / "rmqtt/bin/rmqtt-for-tests", f"{LOOPBACK}:{port}"]


KINDS = [
    Kind("mochi", "2.7.9", _mochi),
    Kind("hivemq", "CE 2025.5", _hivemq),
    Kind("rumqttd", "0.20.0", _rumqttd),
    Kind("rmqtt", "0.24.0", _rmqtt),
]


def mosquitto_version() -> str:
    """The version of the Mosquitto that is installed."""
    # Asked for help it ends with a status of 3.
    said = subprocess.run([find_mosquitto(), "-h"], capture_output=True, text=True, check=False)
    return said.stdout.split("\n", 1)[0].rpartition(" ")[2]


Broker = Made | Mosquitto
