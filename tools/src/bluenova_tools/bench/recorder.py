"""What the recorder takes for a row, how many it can take, and how much memory it holds."""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bluenova_shared.topics import Topics
from bluenova_tools.bench import services
from bluenova_tools.bench.figures import Figure
from bluenova_tools.bench.kernel import memory_mb
from bluenova_tools.bench.pour import Pour, Snapshots, pour_into
from bluenova_tools.bench.rows import count_rows
from bluenova_tools.local import Postgres, Service

RATES = (4000, 8000)
# What is tried for the highest rate.
LADDER = (2000, 4000, 6000, 8000, 10_000, 12_000, 15_000, 20_000, 25_000, 30_000, 40_000)
POURED_S = 2.0
ALL_THERE_WITHIN_S = 1.0
TRIES = 3
PAHO = "paho alone: subscribe and count"


@dataclass
class Target:
    """One that gets what is poured: the recorder, or the bare loop; each below its own root."""

    root: str
    service: Service
    # How many are there of those that were poured from this time on, in all so far.
    there: Callable[[datetime], int]
    poured: int = field(default=0)


@dataclass
class Stage:
    """A recorder and the bare loop at one broker, and what pours."""

    ours: Target
    bare: Target
    pour: Pour
    snapshots: Snapshots

    def row_s(self, target: Target, rate: float, poured_s: float = POURED_S) -> float:
        """The processor time of a row at this rate. Raises TimeoutError if not all get there."""
        many = int(rate * poured_s)

        def work() -> None:
            first = self._send(target, rate, many)
            services.wait_for(lambda: self._missing(target, first, many) <= 0, timeout_s=10)

        return services.spent_s(target.service, work) / many

    def keeps_up(self, target: Target, rate: float) -> bool:
        """Whether all are there soon after the last one went out."""
        many = int(rate * POURED_S)
        first = self._send(target, rate, many)
        deadline_s = time.monotonic() + ALL_THERE_WITHIN_S
        while (missing := self._missing(target, first, many)) > 0:
            if time.monotonic() > deadline_s:
                self._settle(target, first, missing)
                return False
            time.sleep(0.02)
        return True

    def _send(self, target: Target, rate: float, many: int) -> datetime:
        first, packets = self.snapshots.packets(target.root, many)
        if target is self.bare:
            target.poured = target.there(first)
        self.pour.send(packets, rate)
        return first

    def _missing(self, target: Target, first: datetime, many: int) -> int:
        return many - (target.there(first) - target.poured)

    def _settle(self, target: Target, first: datetime, missing: int) -> None:
        """Waits until no more come: what a broker's full queue has dropped never does."""
        while True:
            time.sleep(0.5)
            before, missing = missing, self._missing(target, first, 0)
            if missing == before:
                return


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """All that is needed, up and ready."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bluenova-bench-")))
        broker = stack.enter_context(services.broker())
        database = stack.enter_context(Postgres()).create_database("bench")
        bare = services.BareLoop(
            "bluenova_tools.bench.bare_mqtt",
            (broker.host, str(broker.port), Topics("bare").snapshot("+")),
            folder=folder,
        )
        stack.enter_context(bare)
        service = stack.enter_context(
            services.recorder(folder, database, broker, TOPIC_ROOT="ours")
        )
        service.wait_for_line("Connected to the MQTT broker", timeout_s=services.READY_WITHIN_S)
        db = stack.enter_context(contextlib.closing(database.connect()))
        pour = stack.enter_context(pour_into(broker))
        made = Stage(
            Target("ours", service, lambda first: count_rows(db, first)),
            Target("bare", bare, lambda _: bare.count()),
            pour,
            Snapshots(),
        )
        _wait_until_recording(made)
        yield made


def _wait_until_recording(made: Stage) -> None:
    def is_recording() -> bool:
        first, packets = made.snapshots.packets("ours", 1)
        made.pour.send(packets, 1)
        time.sleep(1.5)  # a batch waits for a second
        return made.ours.there(first) > 0

    time.sleep(2)  # the tables, views and triggers are made
    services.wait_for(is_recording)


def figures(rounds: int) -> Iterator[Figure]:
    """The recorder's figures."""
    with stage() as made:
        for rate in RATES:
            pairs = [
                (made.row_s(made.ours, rate), made.row_s(made.bare, rate)) for _ in range(rounds)
            ]
            yield Figure(
                "recorder",
                f"recorder, CPU per row at {rate:,} rows/s",
                "us",
                [1e6 * ours for ours, _ in pairs],
                [1e6 * bare for _, bare in pairs],
                PAHO,
            )
        pids = (made.ours.service.child.pid, made.bare.service.child.pid)
        ours_mb, bare_mb = map(memory_mb, pids)
        yield Figure("recorder", "recorder, memory after that", "MB", [ours_mb], [bare_mb], PAHO)
        yield Figure(
            "recorder",
            "recorder, highest rate with every row there within 1 s",
            "rows/s",
            [highest(LADDER, lambda rate: made.keeps_up(made.ours, rate), TRIES)],
            [highest(LADDER, lambda rate: made.keeps_up(made.bare, rate), TRIES)],
            PAHO,
        )


def highest(ladder: Sequence[int], is_good: Callable[[int], bool], tries: int) -> int:
    """The highest rung at which most of the tries are good; 0 if there is none.

    It is looked for by halves, as if no rung below a good one could be bad.
    """
    low, high = 0, len(ladder)  # those below `low` are good, those from `high` on are bad
    while low < high:
        middle = (low + high) // 2
        if most(lambda rate=ladder[middle]: is_good(rate), tries):  # type: ignore[misc]  # bound now
            low = middle + 1
        else:
            high = middle
    return ladder[low - 1] if low else 0


def most(is_good: Callable[[], bool], tries: int) -> bool:
    """Whether more than half of the tries are good; it stops as soon as that is certain."""
    needed = tries // 2 + 1
    good = bad = 0
    while good < needed and bad <= tries - needed:
        if is_good():
            good += 1
        else:
            bad += 1
    return good >= needed
