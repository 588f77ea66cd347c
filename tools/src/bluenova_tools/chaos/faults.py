"""The faults: how each begins, and how it is undone."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from bluenova_tools.chaos.links import Link
from bluenova_tools.chaos.plan import Kind
from bluenova_tools.chaos.postgres_faults import of_postgres
from bluenova_tools.chaos.stage import Collector, Doing, Stage
from bluenova_tools.local import Service

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


class _Process(Protocol):
    def freeze(self) -> None: ...

    def resume(self) -> None: ...


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
    found |= _of_broker(stage) | of_postgres(stage)
    if stage.outbox_disk.mounted:
        found[Kind("full disk", "outboxes")] = _full_outboxes
    return found


def _of_process(name: str, service: Service, start: Callable[[], None]) -> dict[Kind, Doing]:
    @contextmanager
    def kill(stage: Stage) -> Iterator[None]:
        service.kill()
        yield
        start()

    @contextmanager
    def stop(stage: Stage) -> Iterator[None]:
        service.child.end(signal.SIGTERM, timeout_s=10)
        yield
        start()

    return {
        Kind("kill", name, 3, 0.1, 2.0): kill,
        Kind("stop", name, 0.5, 0.1, 2.0): stop,
        Kind("freeze", name, 1.5, 0.3, 4.0): _frozen(service),
    }


def _frozen(process: _Process) -> Doing:
    @contextmanager
    def freeze(stage: Stage) -> Iterator[None]:
        process.freeze()
        yield
        process.resume()

    return freeze


def _of_link(stage: Stage, link: Link, weight: float = 1.0) -> dict[Kind, Doing]:
    do = stage.links.do

    @contextmanager
    def cut(stage: Stage) -> Iterator[None]:
        link.cut = True
        do(link.abort)
        yield
        link.cut = False

    @contextmanager
    def stall(stage: Stage) -> Iterator[None]:
        do(lambda: link.stall(True))
        yield
        do(lambda: link.stall(False))

    @contextmanager
    def half_open(stage: Stage) -> Iterator[None]:
        vanished = link.vanish()
        yield
        if link.target == stage.postgres.port:
            # Across a network the kernel's keepalive would notice; here, it is answered by us.
            for pair in vanished:
                do(pair.abort)

    return {
        Kind("cut", link.name, weight, 0.1, 3.0): cut,
        Kind("stall", link.name, weight, 0.3, 4.0): stall,
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
    @contextmanager
    def step(stage: Stage) -> Iterator[None]:
        now_s = time.time()
        collector.set_clock(CLOCKS[which](now_s) - now_s)
        yield
        collector.set_clock(0)

    return step


def _of_broker(stage: Stage) -> dict[Kind, Doing]:
    broker = stage.broker

    @contextmanager
    def kill(stage: Stage) -> Iterator[None]:
        broker.kill()
        yield
        broker.start()

    @contextmanager
    def small(stage: Stage) -> Iterator[None]:
        broker.config = list(SMALL_BROKER)
        broker.restart()
        yield
        broker.config = []
        broker.restart()

    return {
        Kind("kill", "broker", 4, 0.1, 2.0): kill,
        Kind("freeze", "broker", 2, 0.3, 3.0): _frozen(broker),
        Kind("queue of 10", "broker", 2, 2.0, 5.0): small,
    }


@contextmanager
def _full_outboxes(stage: Stage) -> Iterator[None]:
    stage.outbox_disk.fill()
    yield
    stage.outbox_disk.free()
