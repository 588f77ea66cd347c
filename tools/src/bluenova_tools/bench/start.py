"""How long our programs take from their start to their work."""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bluenova_shared.health import judge
from bluenova_tools.bench import services
from bluenova_tools.bench.ear import ear
from bluenova_tools.bench.figures import Figure
from bluenova_tools.local import Database, Mosquitto, Postgres

INTERVAL_S = 1
LINES_PER_S = 200
# What each of ours must do at least: to be a Python that has loaded the libraries.
IMPORTS = "import asyncio, paho.mqtt.client, pydantic_settings"
LIBRARIES = "a Python that loads the libraries"


def figures(rounds: int) -> Iterator[Figure]:
    """Seconds from the start of the process."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bluenova-bench-")))
        broker = stack.enter_context(services.broker())
        postgres = stack.enter_context(Postgres())
        battery = stack.enter_context(services.Battery(folder, LINES_PER_S))
        snapshot_s, healthy_s, recorder_s, bare_s = [], [], [], []
        for number in range(rounds):
            place = folder / str(number)
            place.mkdir()
            first_s, whole_s = _collector_s(place, battery, broker)
            snapshot_s.append(first_s)
            healthy_s.append(whole_s)
            database = postgres.create_database(f"start_{number}")
            recorder_s.append(_recorder_s(place, database, broker))
            bare_s.append(_imports_s())
    name = f"start of a collector to its first snapshot, interval {INTERVAL_S} s"
    yield Figure("start", name, "s", snapshot_s, [INTERVAL_S], "one interval")
    yield Figure("start", "start of a collector to healthy", "s", healthy_s, bare_s, LIBRARIES)
    name = "start of a recorder to healthy, with its tables made"
    yield Figure("start", name, "s", recorder_s, bare_s, LIBRARIES)


def _collector_s(place: Path, battery: services.Battery, broker: Mosquitto) -> tuple[float, float]:
    """To the first snapshot, and to healthy."""
    service = services.collector(place, battery.port, broker, interval_s=INTERVAL_S)
    with ear(broker) as heard:
        began_s = time.monotonic()
        with service:
            services.wait_for(lambda: _is_healthy(place / "collector.health"))
            healthy_s = time.monotonic() - began_s
            services.wait_for(lambda: heard.first_s is not None)
        return (heard.first_s or 0.0) - began_s, healthy_s


def _recorder_s(place: Path, database: Database, broker: Mosquitto) -> float:
    began_s = time.monotonic()
    with services.recorder(place, database, broker):
        services.wait_for(lambda: _is_healthy(place / "recorder.health"))
        return time.monotonic() - began_s


def _imports_s() -> float:
    began_s = time.monotonic()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)
    return time.monotonic() - began_s


def _is_healthy(file: Path) -> bool:
    return file.exists() and judge(file.read_text(), time.monotonic())[0]
