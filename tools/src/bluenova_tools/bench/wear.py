"""What a battery has written to disks in a day: by the outbox, and by PostgreSQL."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from bluenova_collector.delivery.outbox import Outbox
from bluenova_collector.memory import Memory
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.topics import Topics
from bluenova_shared.wire import new_id, to_chunk_json
from bluenova_tools.bench import services
from bluenova_tools.bench.figures import Figure
from bluenova_tools.bench.kernel import written_bytes
from bluenova_tools.bench.pour import FIRST, pattern, pour_into, publish_packet
from bluenova_tools.bench.rows import count_rows
from bluenova_tools.local import Postgres

A_DAY = 8640  # snapshots
MB = 1e6
# PostgreSQL makes a checkpoint each half hour, as docker-compose.yml has it: so many rows.
ROWS_OF_CHECKPOINT = 180
ROWS_PER_S = 40
ROWS_OF_MINUTE = 6
# The outbox's file is checkpointed about each 450 snapshots.
OUTBOX_SNAPSHOTS = 1000


def figures(rounds: int) -> Iterator[Figure]:
    """Bytes a battery and day, beside those of its snapshots as they are sent."""
    one = pattern()
    payload_mb = A_DAY * len(to_chunk_json(one)) / MB
    what = "the snapshots themselves, as JSON"
    yield Figure(
        "wear",
        "written by a battery's outbox in a day",
        "MB",
        list(_by_outbox(one, rounds)),
        [payload_mb],
        what,
    )
    yield Figure(
        "wear",
        "written by PostgreSQL in a day, for a battery",
        "MB",
        list(_by_postgres(one, rounds, rows_of_commit=1)),
        [payload_mb],
        what,
    )
    yield Figure(
        "wear",
        "the same, if rows wait a minute for one another",
        "MB",
        list(_by_postgres(one, rounds, rows_of_commit=ROWS_OF_MINUTE)),
        [payload_mb],
        what,
    )


def _at(one: Snapshot, number: int) -> Snapshot:
    time_of = FIRST + timedelta(seconds=10 * number)
    return one.model_copy(update={"time": time_of, "id": new_id(time_of)})


def _by_outbox(one: Snapshot, rounds: int) -> Iterator[float]:
    """As a collector does it: a commit for each snapshot, and another when its receipt comes."""
    with tempfile.TemporaryDirectory(prefix="bluenova-bench-") as folder:
        outbox = Outbox(Path(folder) / "collector.sqlite", "127.0.0.1:80", A_DAY, time.time)
        memory = Memory(mcu_id=one.mcu_id, present=[one.mcu_id], cells={one.mcu_id: 16})

        def work() -> None:
            for number in range(OUTBOX_SNAPSHOTS):
                snapshot = _at(one, number)
                outbox.commit([snapshot], memory)
                outbox.delete(snapshot.mcu_id, [str(snapshot.id)])

        with closing(outbox):
            for _ in range(rounds):
                yield _written_mb(os.getpid(), work) * A_DAY / OUTBOX_SNAPSHOTS


def _by_postgres(one: Snapshot, rounds: int, *, rows_of_commit: int) -> Iterator[float]:
    """A recorder at work: at a row in ten seconds each is a batch of its own, unless they wait."""
    settings = {"BATCH_ROWS": str(rows_of_commit), "BATCH_AGE_S": "60", "BATCH_QUIET_S": "60"}
    with (
        tempfile.TemporaryDirectory(prefix="bluenova-bench-") as folder,
        services.broker() as broker,
        Postgres() as postgres,
    ):
        database = postgres.create_database("wear")
        with (
            services.recorder(Path(folder), database, broker, **settings) as service,
            pour_into(broker) as pour,
            closing(database.connect()) as db,
        ):
            service.wait_for_line("Connected to the MQTT broker", timeout_s=services.READY_WITHIN_S)
            topic = Topics().snapshot(one.mcu_id)
            time.sleep(3)  # the tables, views and triggers are made
            for number in range(rounds + 1):
                rows = range(number * ROWS_OF_CHECKPOINT, (number + 1) * ROWS_OF_CHECKPOINT)
                packets = [publish_packet(topic, _at(one, n).to_json().encode()) for n in rows]

                def work(packets: list[bytes] = packets, many: int = rows.stop) -> None:
                    pour.send(packets, ROWS_PER_S)
                    services.wait_for(lambda: count_rows(db) == many)
                    _checkpoint(postgres)

                written_mb = _written_mb(postgres.child.pid, work)
                if number > 0:  # the first one writes what making the tables left to be written
                    yield written_mb * A_DAY / ROWS_OF_CHECKPOINT


def _written_mb(pid: int, work: Callable[[], object]) -> float:
    before = written_bytes(pid)
    work()
    return (written_bytes(pid) - before) / MB


def _checkpoint(postgres: Postgres) -> None:
    with closing(postgres.connect()) as db:
        db.autocommit = True
        with db.cursor() as cursor:
            cursor.execute("CHECKPOINT")
