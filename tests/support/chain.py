"""The whole chain at work, from a battery to a table, and the intervals that it lives by."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.harness import Battery, collector, recorder, wait_until_ready

from bluenova_tools.local import Database, Mosquitto, Service


def next_interval(interval_s: int, *, into_it: float = 0.2) -> int:
    """Waits for the beginning of an interval; returns its end, in seconds since 1970."""
    start_s = (int(time.time()) // interval_s + 1) * interval_s
    time.sleep(max(0, start_s + into_it - time.time()))
    return start_s + interval_s


@contextlib.contextmanager
def chain(
    folder: Path, broker: Mosquitto, database: Database, *, name: str = "chain", **settings: Any
) -> Iterator[tuple[Battery, Service, Service]]:
    """A battery, its collector and a recorder, all of them ready."""
    with contextlib.ExitStack() as stack:
        battery = stack.enter_context(Battery())
        root = settings.pop("TOPIC_ROOT", "bluenova")
        writer = stack.enter_context(
            recorder(
                folder, database, mqtt_port=broker.port, name=f"{name}-recorder", TOPIC_ROOT=root
            )
        )
        reader = stack.enter_context(
            collector(
                folder,
                battery_port=battery.port,
                mqtt_port=broker.port,
                name=f"{name}-collector",
                TOPIC_ROOT=root,
                **settings,
            )
        )
        wait_until_ready(writer, database)
        wait_until_ready(reader)
        battery.wait_for_client()
        yield battery, reader, writer
