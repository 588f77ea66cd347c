"""The database is brought into shape, and nothing in it is lost."""

import contextlib
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from psycopg2 import errors, sql
from tests.support.c_program import C_PROGRAM, C_PROGRAMS_TABLE, DUPLICATES
from tests.support.factories import START_S, snapshot, snapshot_keys
from tests.support.harness import eventually, query, stored
from tests.support.recording import record

from bluenova_recorder.account import Account, transaction
from bluenova_recorder.housekeeping import Housekeeping
from bluenova_recorder.look import look
from bluenova_recorder.schema import prepare
from bluenova_recorder.store import Store
from bluenova_recorder.table_state import ALWAYS, TableState
from bluenova_tools.local import Database, Postgres

pytestmark = pytest.mark.services

OLD = datetime(2024, 5, 1, 12, 0, 0)  # noqa: DTZ001  # the column has no zone


@pytest.fixture(autouse=True)
def _where(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in postgres.environment().items():
        monkeypatch.setenv(name, value)


def account(database: Database) -> Account:
    """The recorder's account; libpq's own variables say where the database is."""
    return Account(database.name, database.user, database.password)


def shape(database: Database) -> TableState:
    """What a recorder does when it connects, and beside recording until nothing is left to do."""
    with contextlib.closing(database.connect()) as db:
        prepare(db)
        with transaction(db) as cursor:
            state = look(cursor)
    assert state is not None
    housekeeping = Housekeeping(account(database), lambda: state, lambda: None)
    after: list[TableState] = []

    def is_done() -> bool:
        done = housekeeping.keep(state)
        after.extend([done] if done else [])
        return done is not None

    eventually(is_done)
    return after[0]


def insert(database: Database, time: str, mcu_id: int = 439041101) -> None:
    query(database, "INSERT INTO battery_pack (insert_time_utc, mcu_id) VALUES (%s, %s)", time,
          mcu_id)  # fmt: skip


def keys(database: Database) -> dict[str, tuple[bool, bool]]:
    """The unique indexes: whether each is valid, and whether it is partial."""
    found = query(
        database,
        "SELECT relname, indisvalid, indpred IS NOT NULL FROM pg_index "
        "JOIN pg_class ON pg_class.oid = indexrelid "
        "WHERE indrelid = 'battery_pack'::regclass AND indisunique",
    )
    return {name: (valid, partial) for name, valid, partial in found}


def whole(database: Database) -> bool:
    """Whether there is one unique key, for all rows."""
    return list(keys(database).values()) == [(True, False)]


def columns(database: Database) -> list[tuple[Any, ...]]:
    return query(
        database,
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = 'battery_pack'::regclass AND attnum > 0 AND NOT attisdropped "
        "ORDER BY attnum",
    )


SQL_NAMES = {
    "TIMESTAMP": "timestamp without time zone",
    "BIGINT": "bigint",
    "SMALLINT": "smallint",
    "REAL": "real",
    "VARCHAR(32)": "character varying(32)",
    "VARCHAR(16)": "character varying(16)",
}
AS_THE_C_PROGRAM = [(name, SQL_NAMES[sql_type]) for name, sql_type in C_PROGRAM]


def test_a_new_table_has_the_c_programs_columns_in_its_order_and_a_key(database: Database) -> None:
    shape(database)
    assert columns(database)[:59] == AS_THE_C_PROGRAM
    assert whole(database)
    indexes = query(database, "SELECT indexname FROM pg_indexes WHERE tablename = 'battery_pack'")
    assert ("battery_pack_time",) in indexes


def test_doing_it_again_changes_nothing(database: Database) -> None:
    shape(database)
    insert(database, "2026-11-23 12:00:00")
    before = columns(database), keys(database), stored(database)
    shape(database)
    assert (columns(database), keys(database), stored(database)) == before


def test_the_key_is_on_the_battery_and_the_time(database: Database) -> None:
    shape(database)
    insert(database, "2026-11-23 12:00:00")
    insert(database, "2026-11-23 12:00:10")
    insert(database, "2026-11-23 12:00:00", mcu_id=5)
    with pytest.raises(errors.UniqueViolation):
        insert(database, "2026-11-23 12:00:00")


def test_the_c_programs_table_stays_as_it_is_and_gets_the_key(database: Database) -> None:
    query(database, C_PROGRAMS_TABLE)
    before = stored(database)
    assert shape(database).unique_from == ALWAYS, "the key holds for all rows"
    after = [{name: row[name] for name, _ in C_PROGRAM} for row in stored(database)]
    assert after == before
    assert len(after) == 1000
    assert columns(database)[:59] == AS_THE_C_PROGRAM
    assert whole(database)


def test_a_users_own_key_is_enough(database: Database) -> None:
    query(database, C_PROGRAMS_TABLE)
    query(database, "ALTER TABLE battery_pack ADD UNIQUE (insert_time_utc, mcu_id)")
    before = keys(database)
    shape(database)
    assert keys(database) == before


@pytest.mark.parametrize(
    "key",
    [
        "CREATE UNIQUE INDEX ON battery_pack (mcu_id, insert_time_utc) WHERE mcu_id > 5",
        "CREATE UNIQUE INDEX ON battery_pack (mcu_id, insert_time_utc, soc)",
        "CREATE UNIQUE INDEX ON battery_pack (insert_time_utc)",
        "CREATE INDEX ON battery_pack (mcu_id, insert_time_utc)",
        "ALTER TABLE battery_pack ADD UNIQUE (mcu_id, insert_time_utc) DEFERRABLE",
        "CREATE UNIQUE INDEX ON battery_pack (mcu_id, insert_time_utc, (soc + 1))",
    ],
    ids=[
        "a partial one",
        "one with a column more",
        "one with a column less",
        "one that is not unique",
        "one that may be looked at later",
        "one with an expression more",
    ],
)
def test_a_users_key_that_does_not_do_is_left_alone_and_ours_made(
    key: str, database: Database
) -> None:
    query(database, C_PROGRAMS_TABLE)
    query(database, key)
    before = keys(database)
    shape(database)
    assert keys(database) == before | {"battery_pack_key": (True, False)}
    with pytest.raises(errors.UniqueViolation):
        insert(database, "2024-05-01 12:00:00")


class TestATableWithDuplicates:
    @pytest.fixture
    def table(self, database: Database) -> Database:
        query(database, C_PROGRAMS_TABLE + DUPLICATES)
        return database

    def test_loses_nothing(self, table: Database) -> None:
        before = query(
            table, "SELECT insert_time_utc, mcu_id, soc FROM battery_pack ORDER BY 1, 2, 3"
        )
        shape(table)
        after = query(
            table, "SELECT insert_time_utc, mcu_id, soc FROM battery_pack ORDER BY 1, 2, 3"
        )
        assert after == before
        assert len(after) == 1003

    def test_is_reported_with_what_to_do(
        self, table: Database, caplog: pytest.LogCaptureFixture
    ) -> None:
        # No key can hold these apart: they are no duplicates.
        query(table, "INSERT INTO battery_pack (mcu_id) VALUES (5), (5)")
        with caplog.at_level(logging.WARNING):
            shape(table)
        (said,) = [record.getMessage() for record in caplog.records]
        for word in (
            "battery_pack",
            "2 pairs",
            "2024-05-01 12:00:10",
            "deleted",
            "docs/migrating.md",
        ):
            assert word in said
        assert "\n" not in said

    def test_is_kept_unique_from_now_on(self, table: Database) -> None:
        before = datetime.now(UTC)
        since = datetime.fromisoformat(shape(table).unique_from).replace(tzinfo=UTC)
        assert before < since <= datetime.now(UTC) + timedelta(seconds=1)
        assert [partial for _, partial in keys(table).values()] == [True]
        later = (before + timedelta(minutes=1)).replace(tzinfo=None, microsecond=0)
        insert(table, str(later))
        with pytest.raises(errors.UniqueViolation):
            insert(table, str(later))

    def test_keeps_its_one_partial_key_at_each_start(self, table: Database) -> None:
        since = shape(table).unique_from
        before = keys(table)
        assert shape(table).unique_from == since
        assert keys(table) == before

    def test_gets_the_whole_key_once_the_duplicates_are_gone(self, table: Database) -> None:
        shape(table)
        query(
            table,
            "DELETE FROM battery_pack AS a USING battery_pack AS b WHERE a.ctid > b.ctid "
            "AND (a.mcu_id, a.insert_time_utc) = (b.mcu_id, b.insert_time_utc)",
        )
        assert shape(table).unique_from == ALWAYS
        assert whole(table)
        with pytest.raises(errors.UniqueViolation):
            insert(table, str(OLD))

    def test_with_duplicates_in_the_future_gets_a_key_behind_them(self, table: Database) -> None:
        for _ in range(2):
            insert(table, "2031-01-01 00:00:00")
        since = datetime.fromisoformat(shape(table).unique_from)
        assert since == datetime(2031, 1, 1, 0, 0, 1)  # noqa: DTZ001  # the column has no zone
        assert [partial for _, partial in keys(table).values()] == [True]
        insert(table, "2031-01-01 00:00:10")
        with pytest.raises(errors.UniqueViolation):
            insert(table, "2031-01-01 00:00:10")

    def test_records_new_rows_once_and_old_ones_once(
        self, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        old_s = int(OLD.replace(tzinfo=UTC).timestamp())
        new_s = START_S + 20 * 365 * 86400
        before = C_PROGRAMS_TABLE + DUPLICATES
        with record(postgres, tmp_path_factory, before=before) as recording:
            for _ in range(2):
                recording.publish(
                    snapshot_keys(old_s, soc=0),  # there, twice
                    snapshot_keys(old_s + 5, soc=1),  # between two rows of the C program
                    snapshot_keys(new_s, soc=2),
                    snapshot_keys(old_s + 5, soc=1),
                    snapshot_keys(new_s, soc=2),
                )
                recording.catch_up()
            found = query(
                recording.database,
                "SELECT extract(epoch FROM insert_time_utc)::bigint, count(*) FROM battery_pack "
                "WHERE mcu_id = 439041101 GROUP BY 1",
            )
            counted = dict(found)
            assert (counted[old_s], counted[old_s + 5], counted[new_s]) == (2, 1, 1)
            assert sum(counted.values()) == 1002 + 2

    def test_of_two_for_one_old_time_in_a_batch_keeps_the_first(
        self, table: Database, store: Store
    ) -> None:
        first, second = (snapshot(soc=soc) for soc in (1, 2))
        query(table, "INSERT INTO battery_pack (insert_time_utc, mcu_id) VALUES "
                     "('2031-01-01', 5), ('2031-01-01', 5)")  # fmt: skip
        written = store.write([first, second])
        assert written.recorded == [first]
        assert [one.id for one in written.rejected] == [second.id]
        assert [row["soc"] for row in stored(table) if row["insert_time_utc"].year == 2026] == [1]


def test_a_table_in_partitions_gets_the_key(database: Database) -> None:
    query(database, C_PROGRAMS_TABLE)
    query(database, "ALTER TABLE battery_pack RENAME TO old_rows")
    query(
        database, "CREATE TABLE battery_pack (LIKE old_rows) PARTITION BY RANGE (insert_time_utc)"
    )
    query(database, "ALTER TABLE battery_pack ATTACH PARTITION old_rows DEFAULT")
    assert shape(database).unique_from == ALWAYS
    assert whole(database)
    with pytest.raises(errors.UniqueViolation):
        insert(database, "2024-05-01 12:00:00")


def test_an_invalid_key_that_a_failed_build_left_is_made_anew(database: Database) -> None:
    query(database, C_PROGRAMS_TABLE + DUPLICATES)
    with contextlib.closing(database.connect()) as db:
        db.autocommit = True
        with db.cursor() as cursor, pytest.raises(psycopg2.Error):
            cursor.execute(
                "CREATE UNIQUE INDEX CONCURRENTLY battery_pack_key "
                "ON battery_pack (mcu_id, insert_time_utc)"
            )
    assert keys(database) == {"battery_pack_key": (False, False)}
    query(database, "DELETE FROM battery_pack WHERE soc = 77 OR mcu_id = 5")
    query(database, "DELETE FROM battery_pack WHERE ctid = (SELECT min(ctid) FROM battery_pack "
                    "WHERE insert_time_utc = '2024-05-01 12:00:00')")  # fmt: skip
    shape(database)
    assert keys(database) == {"battery_pack_key": (True, False)}


@pytest.mark.parametrize("duplicates", ["", DUPLICATES], ids=["without", "with"])
def test_recorders_that_start_at_the_same_time_agree(database: Database, duplicates: str) -> None:
    query(database, C_PROGRAMS_TABLE + duplicates)
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(shape, database) for _ in range(8)]:
            done.result(60)
    assert list(keys(database).values()) == [(True, bool(duplicates))]


def test_one_that_stays_does_not_keep_the_next_from_starting(database: Database) -> None:
    with contextlib.closing(database.connect()) as first:
        prepare(first)
        assert not first.autocommit, "as it was"
        shape(database)


def test_recorders_that_start_at_the_same_time_agree_on_a_new_table(database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(shape, database) for _ in range(8)]:
            done.result(60)
    assert whole(database)


def test_columns_that_the_table_lacks_are_added_behind_the_others(database: Database) -> None:
    query(database, C_PROGRAMS_TABLE)
    query(database, "ALTER TABLE battery_pack DROP COLUMN adc_4, DROP COLUMN health")
    shape(database)
    assert set(columns(database)) >= set(AS_THE_C_PROGRAM)
    assert columns(database)[57:59] == [("health", "real"), ("adc_4", "real")]
    assert len(stored(database)) == 1000


def test_a_users_own_columns_and_wider_ones_stay(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = C_PROGRAMS_TABLE + (
        "ALTER TABLE battery_pack ADD COLUMN note TEXT DEFAULT 'mine', "
        "ALTER COLUMN errors TYPE TEXT"
    )
    with record(postgres, tmp_path_factory, before=before) as recording:
        recording.publish(snapshot_keys(START_S, soc=5, errors="x"))
        recording.catch_up()
        (new,) = [row for row in recording.rows() if row["insert_time_utc"].year == 2026]
        assert (new["soc"], new["errors"], new["note"]) == (5, "x", "mine")


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_a_key_may_take_longer_to_build_than_a_statement_may_else(database: Database) -> None:
    query(database, C_PROGRAMS_TABLE)
    query(
        database,
        "INSERT INTO battery_pack (insert_time_utc, mcu_id) "
        "SELECT TIMESTAMP '2020-01-01' + n * INTERVAL '10 s', n % 7 "
        "FROM generate_series(0, 299999) AS n",
    )
    name = sql.Identifier(database.name).as_string(database.connect())
    query(database, f"ALTER DATABASE {name} SET statement_timeout = '25ms'")
    query(database, f"ALTER DATABASE {name} SET lock_timeout = '25ms'")
    shape(database)
    assert whole(database)
