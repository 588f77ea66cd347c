"""The faults: how each begins, and how it is undone."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from bluenova_tools.chaos.links import Link
from bluenova_tools.chaos.plan import Kind
from bluenova_tools.chaos.postgres_faults import of_postgres
from bluenova_tools.chaos.stage import Collector, Doing, Stage, fault
from bluenova_tools.local import Mosquitto, Service

WRONG_DATE_S = datetime(2027, 1, 1, tzinfo=UTC).timestamp()
# What a collector's clock says instead of `now`.
CLOCKS: dict[str, Callable[[float], float]] = {
    "a few seconds ahead": lambda now_s: now_s + 4,
    "a few seconds behind": lambda now_s: now_s - 4,
    "half an hour behind": lambda now_s: now_s - 1800,
    "two hours ahead": lambda now_s: now_s + 7200,
    "two hours behind": lambda now_s: now_s - 7200,
    "in 1970": lambda now_s: 0.0,
    # Again and again the same date, so that times are taken already.
    "at a wrong date": lambda now_s: WRONG_DATE_S,
}
SMALL_BROKER = ("max_queued_messages 10", "max_inflight_messages 2", "max_packet_size 20000")


def kinds(stage: Stage) -> dict[Kind, Doing]:
    """Every kind of fault that this machine allows, and how it is done."""
    found: dict[Kind, Doing] = {}
    for number, collector in enumerate(stage.collectors, 1):
        found |= _of_process(f"collector {number}", collector.service, collector.start)
        found |= _of_link(stage, collector.battery, weight=0.5)
        found |= _of_link(stage, collector.broker)
        for clock in CLOCKS:
            found[Kind(f"clock {clock}", f"clock of collector {number}", 0.3)] = _clock(
                collector, clock
            )
    for number, recorder in enumerate(stage.recorders, 1):
        found |= _of_process(f"recorder {number}", recorder.service, recorder.service.start)
        found |= _of_link(stage, recorder.broker)
        found |= _of_link(stage, recorder.database)
        found[Kind("receipts lost", recorder.broker.name, 2)] = _receipts_lost(recorder.broker)
    found |= _of_broker(stage.broker) | of_postgres(stage)
    if stage.outbox_disk.mounted:
        disk = stage.outbox_disk
        found[Kind("full disk", "outboxes")] = fault(disk.fill, disk.free)
    return found


def _of_process(name: str, service: Service, start: Callable[[], None]) -> dict[Kind, Doing]:
    def stop() -> None:
        service.child.end(signal.SIGTERM, timeout_s=10)

    return {
        Kind("kill", name, 3, 0.1, 2.0): fault(service.kill, start),
        Kind("stop", name, 0.5, 0.1, 2.0): fault(stop, start),
        Kind("freeze", name, 1.5, 0.3, 4.0): fault(service.freeze, service.resume),
    }


def _of_link(stage: Stage, link: Link, weight: float = 1.0) -> dict[Kind, Doing]:
    do = stage.links.do

    @contextmanager
    def cut(stage: Stage) -> Iterator[None]:
        link.cut = True
        do(link.abort)
        yield
        link.cut = False

    @contextmanager
    def half_open(stage: Stage) -> Iterator[None]:
        vanished = link.vanish()
        yield
        if link.name.endswith("PostgreSQL"):
            # Across a network the kernel's keepalive would notice; here, it is answered by us.
            for pair in vanished:
                do(pair.abort)

    return {
        Kind("cut", link.name, weight, 0.1, 3.0): cut,
        Kind("stall", link.name, weight, 0.3, 4.0): fault(
            lambda: do(lambda: link.stall(True)), lambda: do(lambda: link.stall(False))
        ),
        Kind("half-open", link.name, weight, 0.3, 4.0): half_open,
    }


def _receipts_lost(link: Link) -> Doing:
    @contextmanager
    def swallow(stage: Stage) -> Iterator[None]:
        link.deaf = True
        yield
        stage.links.do(link.abort)  # a connection that has lost bytes is none any more
        link.deaf = False

    return swallow


def _clock(collector: Collector, which: str) -> Doing:
    def step() -> None:
        now_s = time.time()
        collector.set_clock(CLOCKS[which](now_s) - now_s)

    return fault(step, lambda: collector.set_clock(0))


def _of_broker(broker: Mosquitto) -> dict[Kind, Doing]:
    def restart(*config: str) -> None:
        broker.config = list(config)
        broker.restart()

    return {
        Kind("kill", "broker", 4, 0.1, 2.0): fault(broker.kill, broker.start),
        Kind("freeze", "broker", 2, 0.3, 3.0): fault(broker.freeze, broker.resume),
        Kind("queue of 10", "broker", 2, 2.0, 5.0): fault(lambda: restart(*SMALL_BROKER), restart),
    }
