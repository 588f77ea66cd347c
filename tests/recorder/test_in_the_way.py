"""Recording, and everybody else's reading and writing, never wait for our own housekeeping."""

import contextlib
import subprocess
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Self

import pytest
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ
from tests.support.c_program import C_PROGRAMS_TABLE, DUPLICATES
from tests.support.databases import odd_database, recording_in
from tests.support.factories import START_S, snapshot_keys
from tests.support.harness import eventually, query
from tests.support.recording import Recording

from bluenova_recorder.look import look
from bluenova_recorder.table_state import ALWAYS, NEVER
from bluenova_tools.local import Database, Postgres
from bluenova_tools.local.programs import find_postgres

pytestmark = [pytest.mark.services, pytest.mark.slow]

# Less than a second: what somebody who writes may be kept for.
MOMENT_S = 0.9


def unique_from(database: Database) -> str:
    with contextlib.closing(database.connect()) as db, db.cursor() as cursor:
        state = look(cursor)
        assert state is not None
        return state.unique_from


@contextlib.contextmanager
def held(database: Database, *statements: str, snapshot: bool = False) -> Iterator[None]:
    """A transaction of somebody else that is left open with its locks."""
    with contextlib.closing(database.connect()) as db:
        if snapshot:
            db.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ)
        with db.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        yield
        db.rollback()


class Others:
    """Others who write and read; `worst_s` is how long one of them had to wait."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stop = threading.Event()
        self.worst_s = 0.0
        self.times = 0

    def _work(self) -> None:
        with contextlib.closing(self._database.connect()) as db:
            db.autocommit = True
            with db.cursor() as cursor:
                while not self._stop.is_set():
                    began_s = time.monotonic()
                    cursor.execute(
                        "INSERT INTO battery_pack (insert_time_utc, mcu_id) "
                        "VALUES (TIMESTAMP '2019-01-01' + %s * INTERVAL '1 s', 7)",
                        [self.times],
                    )
                    cursor.execute("SELECT FROM battery_pack_gaps WHERE mcu_id = 3")
                    self.times += 1
                    self.worst_s = max(self.worst_s, time.monotonic() - began_s)
                    time.sleep(0.05)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def is_there(database: Database, time_s: int) -> bool:
    time = f"to_timestamp({time_s}) AT TIME ZONE 'UTC'"
    return bool(query(database, f"SELECT 1 FROM battery_pack WHERE insert_time_utc = {time}"))


def records(recording: Recording, *, start_s: int, for_s: float) -> None:
    """Rows arrive all the time, each within a moment."""
    end_s = time.monotonic() + for_s
    while time.monotonic() < end_s:
        began_s = time.monotonic()
        recording.publish(snapshot_keys(start_s, "0000F00D"))
        eventually(partial(is_there, recording.database, start_s), timeout_s=5)
        assert time.monotonic() - began_s < 2.5
        start_s += 1
        time.sleep(0.2)


DUMP = ("SELECT count(*) FROM battery_pack",)  # what pg_dump holds, as long as it runs


@pytest.mark.parametrize("duplicates", ["", DUPLICATES], ids=["without", "with"])
def test_while_a_backup_holds_an_old_table_rows_arrive_and_the_key_comes_after_it(
    duplicates: str, postgres: Postgres, tmp_path: Path
) -> None:
    with odd_database(postgres, before=C_PROGRAMS_TABLE + duplicates) as database:
        with (
            held(database, *DUMP, snapshot=True),
            recording_in(database, tmp_path) as recording,
            Others(database) as others,
        ):
            records(recording, start_s=START_S, for_s=6)
            assert unique_from(database) == NEVER
            said = recording.service.lines()
        assert (others.worst_s < MOMENT_S, others.times > 20) == (True, True)
        waits = [line for line in said if "waits for process" in line]
        assert all("account homeauto" in line for line in waits)
        assert len(waits) == 1, said
        assert [line for line in said if "Building the unique key on" in line and " 95 %" in line]
        with recording_in(database, tmp_path) as recording:
            eventually(lambda: unique_from(database) != NEVER, timeout_s=30)
            assert (unique_from(database) == ALWAYS) == (not duplicates)


def test_the_key_is_done_as_soon_as_the_backup_is(postgres: Postgres, tmp_path: Path) -> None:
    with (
        odd_database(postgres, before=C_PROGRAMS_TABLE) as database,
        contextlib.ExitStack() as stack,
    ):
        with held(database, *DUMP, snapshot=True):
            recording = stack.enter_context(recording_in(database, tmp_path))
            recording.service.wait_for_line("waits for process")
            recording.publish(*[snapshot_keys(START_S, soc=n % 2) for n in range(6)])
            recording.catch_up()
        recording.service.wait_for_line("has a unique key")
        assert unique_from(database) == ALWAYS
        assert len([r for r in recording.rows() if r["insert_time_utc"].year == 2026]) == 1


@pytest.mark.parametrize(
    "holder",
    [
        pytest.param("LOCK TABLE battery_pack IN ACCESS SHARE MODE", id="a reader"),
        pytest.param("SELECT * FROM battery_pack_gaps LIMIT 1", id="an SQL tool left open"),
        pytest.param("LOCK TABLE battery_pack IN SHARE UPDATE EXCLUSIVE MODE", id="a VACUUM"),
    ],
)
def test_a_recorder_that_connects_again_needs_no_lock_that_anybody_waits_for(
    holder: str, postgres: Postgres, tmp_path: Path
) -> None:
    with odd_database(postgres) as database:
        with recording_in(database, tmp_path) as recording:
            recording.publish(snapshot_keys(START_S))
            recording.catch_up()
        with (
            held(database, holder),
            Others(database) as others,
            recording_in(database, tmp_path) as recording,
        ):
            records(recording, start_s=START_S + 100, for_s=3)
        assert (others.worst_s < MOMENT_S, others.times > 10) == (True, True)


def test_a_view_of_an_older_release_is_changed_as_soon_as_nobody_uses_it(
    postgres: Postgres, tmp_path: Path
) -> None:
    said = "SELECT obj_description('battery_pack_gaps'::regclass)"
    with odd_database(postgres) as database, contextlib.ExitStack() as stack:
        with recording_in(database, tmp_path):
            eventually(lambda: unique_from(database) == ALWAYS)
        ((now,),) = query(database, said)
        query(database, "COMMENT ON VIEW battery_pack_gaps IS 'older'")
        with held(database, "SELECT FROM battery_pack_gaps"), Others(database) as others:
            recording = stack.enter_context(recording_in(database, tmp_path))
            recording.service.wait_for_line("battery_pack_gaps is to change, and is in use")
            records(recording, start_s=START_S, for_s=2)
        assert others.worst_s < MOMENT_S
        eventually(lambda: query(database, said) == [(now,)], timeout_s=30)


def test_a_build_makes_way_for_somebody_who_needs_the_table_alone(
    postgres: Postgres, tmp_path: Path
) -> None:
    with odd_database(postgres, before=C_PROGRAMS_TABLE) as database:
        with (
            held(database, "SELECT FROM pg_class", snapshot=True),
            recording_in(database, tmp_path) as recording,
        ):
            recording.service.wait_for_line("waits for process")
            began_s = time.monotonic()
            query(database, "ALTER TABLE battery_pack ADD COLUMN mine TEXT")
            assert time.monotonic() - began_s < 3
            recording.service.wait_for_line("makes way")
            records(recording, start_s=START_S, for_s=1)
        with recording_in(database, tmp_path):
            eventually(lambda: unique_from(database) == ALWAYS, timeout_s=30)


def test_a_real_backup_and_a_vacuum_meanwhile_stop_nothing(
    postgres: Postgres, tmp_path: Path
) -> None:
    with odd_database(postgres, before=C_PROGRAMS_TABLE) as database:
        query(
            database,
            "INSERT INTO battery_pack (insert_time_utc, mcu_id) SELECT TIMESTAMP '2020-01-01' "
            "+ n * INTERVAL '10 s', 7 FROM generate_series(0, 299999) AS n",
        )
        program = find_postgres(postgres.folder, None) / "pg_dump"
        if not program.is_file():
            pytest.skip("there is no pg_dump beside this PostgreSQL")
        with recording_in(database, tmp_path) as recording, Others(database) as others:
            dump = subprocess.Popen(
                [program, "--dbname", database.dsn(), "--file", tmp_path / "dump.sql"]
            )
            with contextlib.closing(database.connect()) as db:
                db.autocommit = True
                with db.cursor() as cursor:
                    cursor.execute("VACUUM battery_pack")
            records(recording, start_s=START_S, for_s=3)
            assert dump.wait(60) == 0
            recording.service.wait_for_line("has a unique key", timeout_s=40)
        assert others.worst_s < MOMENT_S
