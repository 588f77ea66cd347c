"""The hours of tables that are not as ours is, of old rows, and of rows that are removed."""

import contextlib
import io
import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from tests.support.c_program import C_PROGRAMS_TABLE, COLUMNS, DUPLICATES
from tests.support.databases import odd_database, recording_in
from tests.support.factories import START_S, snapshot_keys
from tests.support.harness import eventually, query, recorder
from tests.support.hours import differences, hours_of
from tests.support.hours_at_work import (
    ALWAYS,
    AT_ONCE,
    assert_recomputed,
    keeper_in,
    rows_of,
    stored_hours,
)

from bluenova_recorder.account import Account, transaction
from bluenova_recorder.rollup import triggers
from bluenova_recorder.rollup.fill import fill
from bluenova_recorder.rollup.keeper import HoursKeeper
from bluenova_recorder.rollup.rebuild import rebuild
from bluenova_recorder.rollup.transactions import connect, step
from bluenova_recorder.schema import prepare
from bluenova_tools.local import Database, Mosquitto, Postgres

pytestmark = pytest.mark.services

PARTITIONED = (
    f"CREATE TABLE battery_pack ({COLUMNS}) PARTITION BY RANGE (insert_time_utc);"
    "CREATE TABLE y2023 PARTITION OF battery_pack FOR VALUES FROM (MINVALUE) TO ('2024-01-01');"
    "CREATE TABLE y2024 PARTITION OF battery_pack FOR VALUES FROM ('2024-01-01') TO (MAXVALUE);"
    "CREATE UNIQUE INDEX battery_pack_key ON battery_pack (mcu_id, insert_time_utc);"
)
HEIRS = (
    f"CREATE TABLE battery_pack ({COLUMNS});"
    "CREATE TABLE y2023 (CHECK (insert_time_utc < '2024-01-01')) INHERITS (battery_pack);"
    "CREATE TABLE y2024 (CHECK (insert_time_utc >= '2024-01-01')) INHERITS (battery_pack);"
)
WITH_A_ZONE = f"CREATE TABLE battery_pack ({COLUMNS.replace('TIMESTAMP', 'TIMESTAMPTZ', 1)});"
NOON = datetime(2024, 5, 1, 12)  # noqa: DTZ001  # the column has no zone
ROWS = (
    "INSERT INTO {} (insert_time_utc, mcu_id, soc, v_pack, i_pack) "
    "SELECT '{}'::timestamptz AT TIME ZONE 'UTC' + n * INTERVAL '10 s', 7, n % 100, 53, n % 7 - 3 "
    "FROM generate_series(0, 700) AS n;"
)
MORE = ROWS.format("battery_pack", "2023-12-31 23:00:03+00") + (
    "UPDATE battery_pack SET soc = 3 WHERE soc = 4;"
    "DELETE FROM battery_pack WHERE soc BETWEEN 20 AND 22;"
)


@pytest.fixture(autouse=True)
def _where(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in postgres.environment().items():
        monkeypatch.setenv(name, value)


@contextlib.contextmanager
def table(postgres: Postgres, before: str) -> Iterator[tuple[Database, HoursKeeper]]:
    """A database with such a table, in a country of its own, and what keeps its hours."""
    with odd_database(postgres, before=before) as database:
        query(database, f"ALTER DATABASE {database.name} SET TimeZone = 'Asia/Kathmandu'")
        with contextlib.closing(database.connect()) as db:
            prepare(db)
        with contextlib.closing(keeper_in(database)) as keeper:
            assert keeper.work()
            yield database, keeper


def assert_right(database: Database, keeper: HoursKeeper) -> None:
    assert keeper.work()
    assert query(database, "SELECT count(*) FROM battery_pack_changed_hours") == [(0,)]
    query(database, f"ALTER DATABASE {database.name} RESET TimeZone")
    rows = rows_of(database)
    for row in rows:
        row["insert_time_utc"] = row["insert_time_utc"].replace(tzinfo=None)
    assert differences(stored_hours(database), hours_of(rows)) == []
    assert_recomputed(database)


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(C_PROGRAMS_TABLE, id="the C program's"),
        pytest.param(WITH_A_ZONE, id="with a time zone"),
        pytest.param(PARTITIONED, id="partitioned"),
        pytest.param(PARTITIONED + ROWS.format("y2024", "2024-05-01 11:00:00+00"),
                     id="partitioned, with rows"),
        pytest.param(HEIRS + ROWS.format("y2024", "2024-05-01 11:00:00+00"), id="with heirs"),
    ],
)  # fmt: skip
def test_hours_are_right_whatever_the_table_is(before: str, postgres: Postgres) -> None:
    with table(postgres, before) as (database, keeper):
        query(database, MORE)
        assert_right(database, keeper)


@pytest.mark.parametrize("before", [PARTITIONED, HEIRS], ids=["partition", "heir"])
def test_what_is_written_straight_into_a_part_is_seen(before: str, postgres: Postgres) -> None:
    with table(postgres, before) as (database, keeper):
        query(database, ROWS.format("y2024", "2024-01-01 00:00:00+00"))
        assert keeper.work()
        query(database, "DELETE FROM y2024 WHERE soc < 10; TRUNCATE y2023")
        assert_right(database, keeper)
        query(database, "TRUNCATE y2024")
        assert keeper.work()
        assert stored_hours(database) == {}


# What an older TimescaleDB needs, which hands over no more than a row at a time.
BY_ROW = f"CREATE TABLE battery_pack ({COLUMNS}); CREATE INDEX ON battery_pack (insert_time_utc);"
ROW_TRIGGERS = "".join(
    f"CREATE TRIGGER battery_pack_hours_{event} AFTER {event} ON battery_pack FOR EACH ROW "
    "EXECUTE FUNCTION battery_pack_mark_changed_row();"
    for event in ("insert", "update", "delete")
)


def test_triggers_for_each_row_do_the_same(postgres: Postgres) -> None:
    with odd_database(postgres, before=BY_ROW) as database:
        with contextlib.closing(database.connect()) as db:
            prepare(db)
        query(database, ROW_TRIGGERS)
        with contextlib.closing(keeper_in(database, keep_days=5)) as keeper:
            query(database, MORE + "UPDATE battery_pack SET mcu_id = 8 WHERE soc = 5")
            by_row = query(database, "SELECT DISTINCT mcu_id, hour_utc "
                                     "FROM battery_pack_changed_hours ORDER BY 1, 2")  # fmt: skip
            assert len(by_row) == 4
            before = hours_of(rows_of(database))
            assert keeper.work()
            hours = stored_hours(database)
            assert differences(hours, before) == []
            assert {hour["rows_removed"] for hour in hours.values()} == {True}
            assert query(database, "SELECT count(*) FROM battery_pack_changed_hours") == [(0,)]


def test_a_part_that_is_attached_with_rows_gets_its_hours(postgres: Postgres) -> None:
    with table(postgres, PARTITIONED.replace("MAXVALUE", "'2025-01-01'")) as (database, keeper):
        query(
            database,
            f"CREATE TABLE y2025 ({COLUMNS});" + ROWS.format("y2025", "2025-03-01 00:00:00+00"),
        )
        assert keeper.work()
        assert stored_hours(database) == {}
        query(
            database,
            "ALTER TABLE battery_pack ATTACH PARTITION y2025 "
            "FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
        )
        assert_right(database, keeper)
        query(database, "DELETE FROM y2025 WHERE soc < 10")
        assert_right(database, keeper)


def test_a_time_with_several_rows_counts_once_and_always_in_the_same_way(
    postgres: Postgres,
) -> None:
    with table(postgres, C_PROGRAMS_TABLE + DUPLICATES) as (database, keeper):
        noon = stored_hours(database)[439041101, NOON]
        assert noon["row_count"] == 360
        assert noon["soc_max"] == 99
        query(database, "UPDATE battery_pack SET soc = soc")  # each row has another place now
        assert keeper.work()
        assert stored_hours(database)[439041101, NOON] == noon


def test_an_archived_tables_hours_stay_and_the_new_ones_are_added(postgres: Postgres) -> None:
    with table(postgres, C_PROGRAMS_TABLE) as (database, keeper):
        before = stored_hours(database)
        assert before
        query(
            database,
            f"ALTER TABLE battery_pack RENAME TO archive; CREATE TABLE battery_pack ({COLUMNS});"
            "CREATE INDEX ON battery_pack (insert_time_utc);"
            + ROWS.format("battery_pack", "2025-03-01 00:00:00+00"),
        )
        assert keeper.work()
        assert keeper.work()
        after = stored_hours(database)
        assert {key: after[key] for key in before} == before
        assert len(after) == len(before) + 2


def test_a_writer_needs_no_right_of_its_own(postgres: Postgres) -> None:
    with table(postgres, C_PROGRAMS_TABLE) as (database, keeper):
        query(
            database,
            "DROP ROLE IF EXISTS stranger; CREATE ROLE stranger;"
            "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON battery_pack TO stranger;"
            "SET ROLE stranger; SET search_path = pg_temp; CREATE TEMPORARY TABLE "
            "battery_pack_changed_hours (mcu_id BIGINT, hour_utc TIMESTAMP);"
            + MORE.replace("battery_pack", "public.battery_pack"),
        )
        query(database, "DROP OWNED BY stranger; DROP ROLE stranger")
        assert_right(database, keeper)


def test_an_account_without_the_rights_records_and_the_log_says_what_is_missing(
    postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    with odd_database(postgres, before=C_PROGRAMS_TABLE) as database:
        with contextlib.closing(database.connect()) as db:
            prepare(db)
        query(
            database,
            "DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN PASSWORD 'g';"
            "GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO guest",
        )
        guest = HoursKeeper(
            Account(database.name, "guest", "g"), lambda: True, waits=AT_ONCE, every=ALWAYS
        )
        with contextlib.closing(guest), caplog.at_level(logging.WARNING):
            assert not guest.work()
        assert "GRANT TRIGGER" in caplog.text
        query(database, "DROP OWNED BY guest; DROP ROLE guest")


def test_an_account_that_may_not_delete_keeps_the_hours_all_the_same(
    postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    with table(postgres, C_PROGRAMS_TABLE) as (database, _):
        query(
            database,
            "DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN PASSWORD 'g';"
            "GRANT ALL ON ALL TABLES IN SCHEMA public TO guest;"
            "REVOKE DELETE ON battery_pack FROM guest;" + MORE,
        )
        guest = HoursKeeper(
            Account(database.name, "guest", "g"),
            lambda: True,
            keep_days=5,
            waits=AT_ONCE,
            every=ALWAYS,
        )
        with contextlib.closing(guest), caplog.at_level(logging.WARNING):
            assert not guest.work()
        assert "with KEEP_RAW_DAYS DELETE" in caplog.text
        query(database, "DROP OWNED BY guest; DROP ROLE guest")
        assert differences(stored_hours(database), hours_of(rows_of(database))) == []


def test_who_drops_the_marks_table_does_not_stop_recording(postgres: Postgres) -> None:
    with table(postgres, C_PROGRAMS_TABLE) as (database, keeper):
        query(database, "DROP TABLE battery_pack_changed_hours")
        with contextlib.closing(database.connect()) as db:
            prepare(db)  # as the recorder does when a row cannot be stored
        query(database, MORE)
        assert_right(database, keeper)


def test_somebody_at_the_table_keeps_the_triggers_waiting_and_nobody_else(
    postgres: Postgres,
) -> None:
    with odd_database(postgres, before=C_PROGRAMS_TABLE) as database:
        with contextlib.closing(database.connect()) as db:
            prepare(db)
        with contextlib.closing(keeper_in(database)) as keeper:
            with contextlib.closing(database.connect()) as held, held.cursor() as cursor:
                cursor.execute("UPDATE battery_pack SET soc = 1 WHERE soc = 2")
                assert not keeper.work()
                assert query(database, MORE + "SELECT 1") == [(1,)]
                held.commit()
            assert_right(database, keeper)


def test_old_rows_go_after_their_days_and_their_hours_stay_for_ever(postgres: Postgres) -> None:
    with table(postgres, C_PROGRAMS_TABLE) as (database, _):
        query(
            database,
            "INSERT INTO battery_pack (insert_time_utc, mcu_id, soc) "
            "VALUES (now() AT TIME ZONE 'UTC', 439041101, 50), (NULL, NULL, 7)",
        )
        with contextlib.closing(keeper_in(database, keep_days=5)) as keeper:
            before = stored_hours(database)
            assert keeper.work()
            after = stored_hours(database)
            for key, hour in before.items():
                assert after[key] == {**hour, "rows_removed": True}
            assert query(database, "SELECT count(*) FROM battery_pack") == [(2,)]
            assert query(database, "SELECT count(*) FROM battery_pack_changed_hours") == [(0,)]
            # A late row alone does not make the hour that it comes for.
            query(
                database,
                "INSERT INTO battery_pack (insert_time_utc, mcu_id, soc) "
                "VALUES ('2024-05-01 12:00:05', 439041101, 50)",
            )
            assert keeper.work()
            assert stored_hours(database) == after
            query(database, "TRUNCATE battery_pack")
            assert keeper.work()
            assert stored_hours(database) == {
                key: hour for key, hour in after.items() if hour["rows_removed"]
            }


def test_rows_whose_hour_is_marked_are_not_removed(postgres: Postgres) -> None:
    with table(postgres, C_PROGRAMS_TABLE) as (database, _):
        query(
            database, "UPDATE battery_pack SET soc = 1 WHERE insert_time_utc < '2024-05-01 13:00'"
        )
        later = HoursKeeper(
            Account(database.name, database.user, database.password),
            lambda: True,
            keep_days=5,
            every=ALWAYS,  # and what was just marked has to wait
        )
        with contextlib.closing(later):
            assert later.work()
        assert query(database, "SELECT count(*), max(soc) FROM battery_pack") == [(360, 1)]


def test_a_users_own_delete_of_old_rows_changes_their_hours(postgres: Postgres) -> None:
    with table(postgres, C_PROGRAMS_TABLE) as (database, keeper):
        query(database, "DELETE FROM battery_pack WHERE insert_time_utc < '2024-05-01 13:00'")
        assert_right(database, keeper)


class Terminal(io.StringIO):
    """One that a person looks at."""

    def isatty(self) -> bool:
        return True


def test_a_rebuild_draws_a_bar_on_a_terminal(postgres: Postgres) -> None:
    with table(postgres, C_PROGRAMS_TABLE) as (database, _):
        terminal = Terminal()
        rebuild(Account(database.name, database.user, database.password), terminal, AT_ONCE)
        last = terminal.getvalue().split("\r")[-1]
        assert last.startswith("[" + "#" * 40 + "] 100 %")
        assert last.endswith("\n")


def test_filling_in_goes_on_where_it_was_when_the_recorder_was_killed(postgres: Postgres) -> None:
    old = C_PROGRAMS_TABLE + ROWS.format("battery_pack", "2023-12-31 23:00:03+00")
    with odd_database(postgres, before=old) as database:
        account = Account(database.name, database.user, database.password)
        with contextlib.closing(database.connect()) as db:
            prepare(db)
            with transaction(db) as cursor:
                missing = triggers.unmarked(cursor)
        triggers.see_to(account, missing)
        with contextlib.closing(connect(account)) as db:
            with step(db) as cursor:
                first = fill(cursor, AT_ONCE)
            with contextlib.suppress(KeyboardInterrupt), step(db) as cursor:
                fill(cursor, AT_ONCE)
                raise KeyboardInterrupt  # a kill: nothing of the step is committed
        assert first is not None
        assert first.newest == datetime(2024, 5, 1, 14)  # noqa: DTZ001  # the column has no zone
        assert {mcu_id for mcu_id, _ in stored_hours(database)} == {439041101}  # the newest first
        with contextlib.closing(keeper_in(database)) as keeper:
            assert_right(database, keeper)


def test_a_rebuild_makes_all_hours_anew_and_keeps_those_whose_rows_were_removed(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with table(postgres, C_PROGRAMS_TABLE) as (database, _):
        with contextlib.closing(keeper_in(database, keep_days=5)) as keeper:
            assert keeper.work()
        kept = stored_hours(database)
        query(
            database,
            "SET session_replication_role = replica;"  # as if nobody had noticed
            + MORE
            + "INSERT INTO battery_pack_hours (mcu_id, hour_utc, row_count, first_time, last_time) "
            "VALUES (5, '2020-01-01', 1, '2020-01-01', '2020-01-01')",
        )
        with (
            Mosquitto() as broker,
            recorder(
                tmp_path_factory.mktemp("rebuild"),
                database,
                mqtt_port=broker.port,
                arguments=["rollup", "--rebuild"],
            ) as service,
        ):
            assert service.wait(timeout_s=30) == 0
            assert any("is computed anew from all rows" in line for line in service.lines())
        after = stored_hours(database)
        assert {key: after.pop(key) for key in kept} == kept
        assert differences(after, hours_of(rows_of(database))) == []


def test_a_recorder_keeps_hours_and_removes_old_rows_beside_recording(
    postgres: Postgres, tmp_path: Path
) -> None:
    with (
        odd_database(postgres, before=C_PROGRAMS_TABLE) as database,
        recording_in(database, tmp_path, KEEP_RAW_DAYS=30) as recording,
    ):
        removed = "SELECT count(*), bool_and(rows_removed) FROM battery_pack_hours"
        eventually(lambda: query(database, removed) == [(3, True)], timeout_s=30)
        recording.publish(snapshot_keys(START_S, soc=50))
        eventually(lambda: query(database, "SELECT soc FROM battery_pack") == [(50,)])
        made = "SELECT row_count FROM battery_pack_hours WHERE hour_utc = '2026-11-23 12:00'"
        eventually(lambda: query(database, made) == [(1,)], timeout_s=30)
