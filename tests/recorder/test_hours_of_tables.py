"""The hours of tables that are not as ours is."""

import contextlib
import logging
from datetime import datetime

import pytest
from tests.support.c_program import C_PROGRAMS_TABLE, COLUMNS, DUPLICATES
from tests.support.databases import odd_database
from tests.support.harness import query
from tests.support.hours import differences, hours_of
from tests.support.hours_at_work import (
    ALWAYS,
    AT_ONCE,
    keeper_in,
    rows_of,
    stored_hours,
)
from tests.support.odd_tables import MORE, ROWS, assert_right, table

from bluenova_recorder.account import Account
from bluenova_recorder.rollup.keeper import HoursKeeper
from bluenova_recorder.schema import prepare
from bluenova_tools.local import Postgres

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


@pytest.fixture(autouse=True)
def _where(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in postgres.environment().items():
        monkeypatch.setenv(name, value)


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


def test_hours_from_a_dump_bring_their_facts_and_days(postgres: Postgres) -> None:
    with table(postgres, C_PROGRAMS_TABLE) as (database, _):
        query(
            database,
            "SET search_path = '';"  # as pg_dump does
            "INSERT INTO public.battery_pack_hours "
            "(mcu_id, hour_utc, row_count, first_time, last_time) "
            "VALUES (5, '2020-01-01', 1, '2020-01-01', '2020-01-01')",
        )
        assert query(database, "SELECT mcu_id FROM battery_pack_days WHERE mcu_id = 5") == [(5,)]
