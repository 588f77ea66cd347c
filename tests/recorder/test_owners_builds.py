"""What the table's owner builds or changes goes first: ours waits, makes way, and comes later."""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from tests.support.c_program import C_PROGRAMS_TABLE, COLUMNS, DUPLICATES
from tests.support.databases import odd_database, recording_in
from tests.support.harness import eventually, query

from bluenova_recorder.account import Account, Session, transaction
from bluenova_recorder.build import connect_for_long, run_beside
from bluenova_recorder.key import KeyMaker
from bluenova_recorder.look import look
from bluenova_recorder.table_state import ALWAYS, NEVER, TableState
from bluenova_tools.local import Database, Postgres

pytestmark = [pytest.mark.services, pytest.mark.slow]

# Longer than PostgreSQL's deadlock_timeout: whoever waits in a circle is ended by then.
LONG_S = 2.5
MOMENT_S = 0.9
MANY = (
    "INSERT INTO battery_pack (insert_time_utc, mcu_id) SELECT TIMESTAMP '2000-01-01' "
    "+ n * INTERVAL '1 s', n % 7 FROM generate_series(1, {}) AS n"
)


def state_of(database: Database) -> TableState:
    with contextlib.closing(database.connect()) as db, transaction(db) as cursor:
        state = look(cursor)
    assert state is not None
    return state


@contextlib.contextmanager
def somebody_writes(database: Database) -> Iterator[None]:
    """A transaction that is left open: a concurrent build waits for its end."""
    with contextlib.closing(database.connect()) as db, db.cursor() as cursor:
        cursor.execute("INSERT INTO battery_pack (insert_time_utc, mcu_id) VALUES (now(), 3)")
        yield
        db.rollback()


class Build:
    """The owner's own build; `error` is what came of it."""

    def __init__(self, database: Database, statement: str) -> None:
        self._database = database
        self._statement = statement
        self.error: psycopg2.Error | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.closing(self._database.connect()) as db:
            db.autocommit = True
            with db.cursor() as cursor:
                try:
                    cursor.execute(self._statement)
                except psycopg2.Error as error:
                    self.error = error

    def end(self) -> None:
        self._thread.join(30)
        assert not self._thread.is_alive()


INDEXES = (
    "SELECT indexrelid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
    "WHERE relname = '{}' AND indisvalid = {}"
)


@pytest.mark.parametrize(
    ("name", "index"),
    [
        pytest.param("mine", "INDEX CONCURRENTLY mine ON battery_pack (soc)", id="of their own"),
        pytest.param(
            "battery_pack_key",
            "UNIQUE INDEX CONCURRENTLY battery_pack_key ON battery_pack (mcu_id, insert_time_utc)",
            id="by the name of ours",
        ),
    ],
)
def test_an_owners_build_that_is_held_up_is_not_ended_for_ours_nor_taken_for_a_broken_one(
    name: str, index: str, postgres: Postgres, tmp_path: Path
) -> None:
    with odd_database(postgres, before=C_PROGRAMS_TABLE) as database, contextlib.ExitStack() as end:
        with somebody_writes(database):
            theirs = Build(database, f"CREATE {index}")
            eventually(lambda: query(database, INDEXES.format(name, False)))
            ((oid,),) = query(database, INDEXES.format(name, False))
            recording = end.enter_context(recording_in(database, tmp_path))
            recording.service.wait_for_line("waits for process")
            time.sleep(LONG_S)
            assert not any("makes way" in line for line in recording.service.lines())
        theirs.end()
        assert theirs.error is None
        assert query(database, INDEXES.format(name, True)) == [(oid,)]
        eventually(lambda: unique_from(database) == ALWAYS, timeout_s=30)
        assert query(database, INDEXES.format(name, True)) == [(oid,)]


def test_our_build_makes_way_for_an_owners(postgres: Postgres, tmp_path: Path) -> None:
    with odd_database(postgres, before=C_PROGRAMS_TABLE) as database, contextlib.ExitStack() as end:
        with somebody_writes(database):
            recording = end.enter_context(recording_in(database, tmp_path))
            recording.service.wait_for_line("waits for process")
            theirs = Build(database, "CREATE INDEX CONCURRENTLY mine ON battery_pack (soc)")
            recording.service.wait_for_line("makes way")
            time.sleep(LONG_S)
        theirs.end()
        assert theirs.error is None
        eventually(lambda: unique_from(database) == ALWAYS, timeout_s=30)


def test_one_that_comes_between_our_look_and_our_build_goes_first_too(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        odd_database(postgres, before=C_PROGRAMS_TABLE) as database,
        contextlib.closing(connect_for_long(account(postgres, database, monkeypatch))) as db,
        contextlib.closing(database.connect()) as theirs,
        theirs.cursor() as cursor,
    ):
        cursor.execute("LOCK TABLE battery_pack IN SHARE UPDATE EXCLUSIVE MODE")
        oid = state_of(database).oid
        ours = "CREATE INDEX CONCURRENTLY ours ON battery_pack (soc)"
        began_s = time.monotonic()
        with pytest.raises(psycopg2.errors.QueryCanceled):
            run_beside(account(postgres, database, monkeypatch), db, ours, oid, "Building it")
        assert time.monotonic() - began_s < MOMENT_S


def unique_from(database: Database) -> str:
    return state_of(database).unique_from


def test_the_look_for_duplicates_makes_way_for_who_needs_the_table_alone(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    with odd_database(postgres, before=C_PROGRAMS_TABLE + MANY.format(2_000_000)) as database:
        keys = KeyMaker(account(postgres, database, monkeypatch))
        raised: list[BaseException] = []

        def see_to() -> None:
            try:
                keys.see_to(state_of(database))
            except psycopg2.Error as error:
                raised.append(error)

        thread = threading.Thread(target=see_to)
        thread.start()
        looks = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT count(*), max(%'"
        eventually(lambda: query(database, looks))
        began_s = time.monotonic()
        query(database, "ALTER TABLE battery_pack ADD COLUMN mine TEXT")
        assert time.monotonic() - began_s < MOMENT_S
        thread.join(30)
        assert [type(one) for one in raised] == [psycopg2.errors.QueryCanceled]


def account(postgres: Postgres, database: Database, monkeypatch: pytest.MonkeyPatch) -> Account:
    for name, value in postgres.environment().items():
        monkeypatch.setenv(name, value)
    return Account(database.name, database.user, database.password)


@pytest.mark.parametrize("duplicates", ["", DUPLICATES], ids=["without", "with"])
def test_what_is_said_of_a_partitioned_table_whose_key_takes_too_long_is_true(
    duplicates: str,
    postgres: Postgres,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    in_parts = (
        f"CREATE TABLE battery_pack ({COLUMNS}) PARTITION BY RANGE (insert_time_utc);"
        "CREATE TABLE ever PARTITION OF battery_pack FOR VALUES FROM (MINVALUE) TO (MAXVALUE);"
        "CREATE INDEX battery_pack_time ON battery_pack (insert_time_utc);"
    )
    before = in_parts + duplicates + duplicates + MANY.format(200_000)
    with odd_database(postgres, before=before) as database:
        moment = Session(statement_timeout_s=0.01)
        keys = KeyMaker(account(postgres, database, monkeypatch), moment)
        for _ in range(2):
            assert keys.see_to(state_of(database)), "it is tried once"
        *counted, given_up = caplog.messages
        assert "To build it takes so long that others would have to wait" in given_up
        assert ["each row is looked for first" in one for one in counted] == [True] * bool(
            duplicates
        )
        assert not any("kept unique" in one for one in caplog.messages)
        assert unique_from(database) == NEVER
