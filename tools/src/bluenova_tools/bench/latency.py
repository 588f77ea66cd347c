"""How long after an interval's end its snapshots are at the broker, and in the table."""

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import median

from psycopg2.extensions import connection

from bluenova_recorder.batch import QUIET_S
from bluenova_shared.table import TABLE
from bluenova_tools.bench import services
from bluenova_tools.bench.ear import ear
from bluenova_tools.bench.figures import Figure
from bluenova_tools.local import Postgres

# The server notes when a row was committed: nobody has to look for it all the time.
SERVER = {"track_commit_timestamp": "on"}


@dataclass(frozen=True)
class Size:
    """So many batteries, in equal parts on so many consoles with a collector each."""

    batteries: int
    consoles: int
    interval_s: int
    lines_per_s: float  # of each console
    intervals: int


SIZES = (Size(1, 1, 1, 200, 30), Size(100, 10, 2, 300, 12))
# At 25 lines/s, as a console says them, sixteen batteries on it have all been heard in a minute.
THOUSAND = (Size(1000, 63, 60, 25, 4),)


def figures(_rounds: int) -> Iterator[Figure]:
    """The median and the 99th percentile of all snapshots, beside what cannot be spared."""
    yield from _figures(SIZES)


def figures_of_a_thousand(_rounds: int) -> Iterator[Figure]:
    """The same for a thousand batteries, which takes 4 GB of memory and minutes to start."""
    yield from _figures(THOUSAND)


def _figures(sizes: Sequence[Size]) -> Iterator[Figure]:
    sync_ms = [1000 * _sync_s()]
    batch_ms = [1000 * QUIET_S]
    for size in sizes:
        at_broker_s, in_table_s = _measure(size)
        of = "a battery" if size.batteries == 1 else f"{size.batteries:,} batteries"
        for where, late_s, limit_ms, limit in (
            ("MQTT", at_broker_s, sync_ms, "4 KB synced to the disk"),
            ("the row", in_table_s, batch_ms, "a batch waits for more"),
        ):
            for name, part in (("p50", 0.5), ("p99", 0.99)):
                what = f"interval's end to {where}, {of}, {name}"
                ours_ms = [1000 * quantile(late_s, part)]
                yield Figure("latency", what, "ms", ours_ms, limit_ms, limit)


def _sync_s() -> float:
    """The median time that the disk takes for 4 KB: nothing goes out before that is done."""
    taken_s = []
    with tempfile.NamedTemporaryFile(prefix="bluenova-bench-", buffering=0) as file:
        for _ in range(50):
            began_s = time.perf_counter()
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            taken_s.append(time.perf_counter() - began_s)
    return median(taken_s)


def quantile(values: Sequence[float], part: float) -> float:
    """The least of the values that at least this part of them does not exceed."""
    return sorted(values)[ceil(part * len(values)) - 1]


def _measure(size: Size) -> tuple[list[float], list[float]]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bluenova-bench-")))
        broker = stack.enter_context(services.broker())
        database = stack.enter_context(Postgres(config=SERVER)).create_database("latency")
        heard = stack.enter_context(ear(broker))
        stack.enter_context(services.recorder(folder, database, broker))
        services.wait_for(lambda: heard.ready_s is not None)
        packs = -(-size.batteries // size.consoles)
        for number in range(size.consoles):
            first = number * packs
            own = min(packs, size.batteries - first)
            battery = services.Battery(folder, size.lines_per_s, packs=own, first=first)
            stack.enter_context(battery)
            name = f"collector-{number}"
            stack.enter_context(
                services.collector(
                    folder, battery.port, broker, interval_s=size.interval_s, name=name
                )
            )
        time.sleep(size.interval_s + 7)  # all have begun
        heard.late_s = []
        began = time.time()
        time.sleep(size.intervals * size.interval_s)
        at_broker_s = heard.late_s
        with contextlib.closing(database.connect()) as db:
            return at_broker_s, _rows_late_s(db, began)


def _rows_late_s(db: connection, began: float) -> list[float]:
    with db, db.cursor() as cursor:
        cursor.execute(
            f"SELECT EXTRACT(EPOCH FROM pg_xact_commit_timestamp(xmin) AT TIME ZONE 'UTC' "
            f"- insert_time_utc) FROM {TABLE} "
            "WHERE insert_time_utc >= to_timestamp(%s) AT TIME ZONE 'UTC'",
            [began],
        )
        return [float(late_s) for (late_s,) in cursor.fetchall()]
