"""The programs that are measured, and those beside them, as child processes."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

from bluenova_tools.bench.kernel import cpu_s
from bluenova_tools.local import Database, Mosquitto, Service, free_port

# As in mosquitto/mosquitto.conf.
LIMITS = (
    "max_packet_size 196608",
    "max_queued_messages 1000",
    "max_queued_bytes 8388608",
)
READY_WITHIN_S = 60


def broker() -> Mosquitto:
    """A broker with the limits of ours; it logs nothing of single messages."""
    return Mosquitto(config=LIMITS, log_types=("error", "warning", "notice"))


def recorder(folder: Path, database: Database, mqtt: Mosquitto, **settings: str) -> Service:
    """A recorder with its usual settings but these."""
    environment = {
        **database.environment(),
        "MQTT_HOST": mqtt.host,
        "MQTT_PORT": str(mqtt.port),
        "HEALTH_FILE": str(folder / "recorder.health"),
        **settings,
    }
    return Service("bluenova_recorder", environment=environment, folder=folder)


def collector(
    folder: Path, console_port: int, mqtt: Mosquitto, *, interval_s: int, name: str = "collector"
) -> Service:
    """A collector with its usual settings but the interval."""
    environment = {
        "BATTERY_HOST": "127.0.0.1",
        "BATTERY_PORT": str(console_port),
        "MQTT_HOST": mqtt.host,
        "MQTT_PORT": str(mqtt.port),
        "OUTBOX_PATH": str(folder / f"{name}.sqlite"),
        "HEALTH_FILE": str(folder / f"{name}.health"),
        "INTERVAL": str(interval_s),
    }
    return Service("bluenova_collector", environment=environment, folder=folder, name=name)


class Battery(Service):
    """A simulated battery that says so many lines a second, each as a message of its own."""

    def __init__(self, folder: Path, lines_per_s: float, *, packs: int = 1, first: int = 0) -> None:
        self.port = free_port()
        options = ["--port", str(self.port), "--line-interval", f"{1 / lines_per_s:.6f}"]
        options += ["--packs", str(packs), "--mcu-id", f"{0x10000001 + first:08X}"]
        name = f"battery-{self.port}"
        super().__init__("bluenova_tools.simulator", options, folder=folder, name=name)

    @property
    def uri(self) -> str:
        """Where its console is."""
        return f"ws://127.0.0.1:{self.port}/ws/"

    def start(self) -> None:
        """Returns when it listens."""
        super().start()
        self.wait_for_line("speaks at", timeout_s=READY_WITHIN_S)


class BareLoop(Service):
    """A bare loop of ours that counts, and tells how far it is when it is asked."""

    def start(self) -> None:
        """Returns when it listens."""
        super().start()
        self.wait_for_line("listens", timeout_s=READY_WITHIN_S)

    def count(self) -> int:
        """How many there have been so far."""
        before = len(self.lines())
        self.child.send(signal.SIGUSR1)
        return int(self.wait_for_line("^[0-9]+$", after=before))


def spent_s(service: Service, work: Callable[[], object]) -> float:
    """The processor time that a service spends while that work is done."""
    before_s = cpu_s(service.child.pid)
    work()
    return cpu_s(service.child.pid) - before_s


def wait_for(
    look: Callable[[], bool], *, timeout_s: float = READY_WITHIN_S, every_s: float = 0.02
) -> None:
    """Waits until it is true. Raises TimeoutError."""
    deadline_s = time.monotonic() + timeout_s
    while not look():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"not within {timeout_s:g} s")
        time.sleep(every_s)
