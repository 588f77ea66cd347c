"""A chaos run: does what is planned, heals everything, waits, and compares."""

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psycopg2

from bluenova_tools.chaos.hours import wait_for_hours, wrong_hours
from bluenova_tools.chaos.plan import Kind, Planned
from bluenova_tools.chaos.stage import DATABASE, Doing, Stage
from bluenova_tools.chaos.tables import read_tables
from bluenova_tools.chaos.verdict import Tables
from bluenova_tools.local import ServiceError

# A fault may have to wait for its turn: PostgreSQL cannot be asked for a lock while it is down.
PATIENCE_S = 60.0
AT_ONCE = 64


@dataclass
class Course:
    """What came of a plan."""

    done: list[tuple[Kind, float, float]] = field(default_factory=list)  # with begin and end
    never_began: list[str] = field(default_factory=list)
    died: list[str] = field(default_factory=list)
    most_at_once: int = 0
    drained: bool = False
    waited_s: float = 0.0
    wrong_hours: list[str] = field(default_factory=list)

    def by_kind(self) -> Counter[str]:
        """How many faults there were of each kind."""
        return Counter(kind.name for kind, _, _ in self.done)


class Run:
    """Does the faults of a plan to a stage."""

    def __init__(self, stage: Stage, doings: Mapping[Kind, Doing]) -> None:
        self.course = Course()
        self._stage = stage
        self._doings = doings
        self._lock = threading.Lock()
        self._present = 0
        self._over = threading.Event()

    def carry_out(self, planned: Sequence[Planned]) -> None:
        """All faults, each at its time; returns when the last one is undone."""
        began_s = time.monotonic()
        watcher = threading.Thread(target=self._watch, name="watcher")
        watcher.start()
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="fault") as pool:
            futures = []
            for fault in planned:
                time.sleep(max(0, began_s + fault.at_s - time.monotonic()))
                futures.append(pool.submit(self._one, fault))
        self._over.set()
        watcher.join()
        for future in futures:
            future.result()

    def drain(self, timeout_s: float) -> Tables:
        """Silences the batteries, waits until the outboxes are empty, and reads the tables."""
        for simulator in self._stage.simulators:
            simulator.terminate()
        began_s = time.monotonic()
        quiet_since_s = began_s
        while time.monotonic() < began_s + timeout_s:
            if self._stage.truth().waiting:
                quiet_since_s = time.monotonic()
            elif time.monotonic() - quiet_since_s > 3:
                self.course.drained = True
                break
            time.sleep(0.25)
        self.course.waited_s = time.monotonic() - began_s
        for collector in self._stage.collectors:
            collector.service.kill()
        database = self._stage.postgres.database(DATABASE)
        wait_for_hours(database, timeout_s=60)
        self.course.wrong_hours = wrong_hours(database)
        return read_tables(database)

    def _one(self, fault: Planned) -> None:
        give_up_s = time.monotonic() + PATIENCE_S
        with self._stage.locks[fault.kind.target]:
            while True:
                try:
                    return self._do(fault)
                except (psycopg2.Error, ServiceError) as error:
                    if time.monotonic() > give_up_s:
                        self.course.never_began.append(f"{fault.kind}: {error}")
                        return None
                time.sleep(0.5)

    def _do(self, fault: Planned) -> None:
        with self._doings[fault.kind](self._stage):
            began_s = time.time()
            with self._lock:
                self._present += 1
                self.course.most_at_once = max(self.course.most_at_once, self._present)
            time.sleep(fault.lasts_s)
            with self._lock:
                self._present -= 1
        with self._lock:
            self.course.done.append((fault.kind, began_s, time.time()))

    def _watch(self) -> None:
        """A service that ends by itself is a finding, and is started again as Docker would."""
        while not self._over.wait(0.2):
            for name, service in self._stage.services():
                lock = self._stage.locks[name]
                if not service.running and lock.acquire(blocking=False):
                    try:
                        if not service.running:
                            tail = service.child.tail(4)
                            self.course.died.append(f"{name} ({service.returncode}): {tail}")
                            self._start(name)
                    finally:
                        lock.release()

    def _start(self, name: str) -> None:
        for number, collector in enumerate(self._stage.collectors, 1):
            if name == f"collector {number}":
                return collector.start()
        for number, recorder in enumerate(self._stage.recorders, 1):
            if name == f"recorder {number}":
                return recorder.service.start()
        return None
