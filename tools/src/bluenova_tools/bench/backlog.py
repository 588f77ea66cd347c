"""A week that waits in a collector's outbox, on its way into the table; live values meanwhile."""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

from psycopg2.extensions import connection

from bluenova_collector.delivery.outbox import Outbox
from bluenova_collector.memory import Memory
from bluenova_recorder.insert import copy_line
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.table import TABLE, row
from bluenova_shared.wire import new_id
from bluenova_tools.bench import bare_copy, services
from bluenova_tools.bench.ear import ear
from bluenova_tools.bench.figures import Figure
from bluenova_tools.bench.pour import FIRST, pattern
from bluenova_tools.bench.rows import count_rows, is_there
from bluenova_tools.local import Database, Postgres

WEEK = 7 * 8640
LINES_PER_S = 50
# As in the recorder, which writes a batch at so many rows.
ROWS_OF_BATCH = 500
LIVE_BEFORE = 4


def week() -> list[Snapshot]:
    """A battery's snapshots of a week, each with an id of its own."""
    one = pattern()
    times = [FIRST + timedelta(seconds=10 * n) for n in range(WEEK)]
    return [one.model_copy(update={"time": time, "id": new_id(time)}) for time in times]


def figures(rounds: int) -> Iterator[Figure]:
    """How long it takes, beside COPY of the same rows, and how late live values are meanwhile."""
    snapshots = week()
    batches = list(_batches(snapshots))
    with tempfile.TemporaryDirectory(prefix="bluenova-bench-") as name, Postgres() as postgres:
        folder = Path(name)
        _fill(folder / "full.sqlite", snapshots)
        runs = [_one_run(folder, postgres, number, batches) for number in range(rounds)]
    ours = [run.took_s for run in runs]
    what = f"COPY through a stage, {ROWS_OF_BATCH} rows at once"
    yield _figure("into the table", "s", ours, [run.stage_s for run in runs], what)
    what = f"COPY straight, {ROWS_OF_BATCH} rows at once"
    yield _figure("into the table", "s", ours, [run.straight_s for run in runs], what)
    before_ms = [1000 * median(run.before_s) for run in runs]
    meanwhile_ms = [1000 * median(run.meanwhile_s) for run in runs]
    yield _figure("live values come after", "ms", meanwhile_ms, before_ms, "with no backlog")
    latest_ms = [1000 * max(run.meanwhile_s) for run in runs]
    yield _figure("live values at the latest", "ms", latest_ms, before_ms, "with no backlog")


def _figure(
    name: str, unit: str, ours: Sequence[float], beside: Sequence[float], what: str
) -> Figure:
    return Figure("backlog", f"a week's backlog, {name}", unit, ours, beside, what)


@dataclass
class _Run:
    took_s: float
    stage_s: float
    straight_s: float
    before_s: list[float]
    meanwhile_s: list[float]


def _batches(snapshots: Sequence[Snapshot]) -> Iterator[bytes]:
    """The rows in the recorder's lines for COPY, as many at once as it writes."""
    for start in range(0, len(snapshots), ROWS_OF_BATCH):
        rows = [row(snapshot) for snapshot in snapshots[start : start + ROWS_OF_BATCH]]
        yield b"".join(copy_line(cells) for cells in rows)


def _fill(path: Path, snapshots: Sequence[Snapshot]) -> None:
    outbox = Outbox(path, "", WEEK, time.time)
    for start in range(0, WEEK, 1000):
        outbox.commit(snapshots[start : start + 1000], Memory())
    outbox.close()


def _one_run(folder: Path, postgres: Postgres, number: int, batches: Sequence[bytes]) -> _Run:
    """The week by the recorder first, which makes the table; then by the bare loops."""
    database = postgres.create_database(f"backlog_{number}")
    place = folder / str(number)
    place.mkdir()
    shutil.copy(folder / "full.sqlite", place / "collector.sqlite")
    took_s, before_s, meanwhile_s = _deliver(place, database)
    with contextlib.closing(database.connect()) as db:
        stage_s = _seconds(db, bare_copy.copy_through_stage, batches)
        straight_s = _seconds(db, bare_copy.copy_straight, batches)
    postgres.drop_database(database.name)
    return _Run(took_s, stage_s, straight_s, before_s, meanwhile_s)


def _seconds(
    db: connection, copy: Callable[[connection, Sequence[bytes]], None], batches: Sequence[bytes]
) -> float:
    with db, db.cursor() as cursor:
        # Without the hours' triggers, which are no part of it.
        cursor.execute(f"TRUNCATE {TABLE}; ALTER TABLE {TABLE} DISABLE TRIGGER USER")
    began_s = time.monotonic()
    copy(db, batches)
    return time.monotonic() - began_s


def _deliver(place: Path, database: Database) -> tuple[float, list[float], list[float]]:
    """How long it took from the recorder's word that it is ready; how late live values were."""
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(services.broker())
        heard = stack.enter_context(ear(broker))
        battery = stack.enter_context(services.Battery(place, LINES_PER_S))
        stack.enter_context(services.collector(place, battery.port, broker, interval_s=1))
        services.wait_for(lambda: len(heard.late_s) > LIVE_BEFORE)
        before_s, heard.late_s = heard.late_s[1:], []
        stack.enter_context(services.recorder(place, database, broker))
        services.wait_for(lambda: heard.ready_s is not None)
        began_s = heard.ready_s or 0.0
        db = stack.enter_context(contextlib.closing(database.connect()))
        last = pattern().model_copy(update={"time": FIRST + timedelta(days=7, seconds=-10)})
        # To count all of them again and again would take a part of a processor.
        services.wait_for(lambda: is_there(db, last), timeout_s=120)
        services.wait_for(lambda: count_rows(db, end=FIRST + timedelta(days=7)) >= WEEK)
        return time.monotonic() - began_s, before_s, heard.late_s
