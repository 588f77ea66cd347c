"""Hours of rows that are old, late or removed; all hours made anew."""

import contextlib
import io
from datetime import datetime
from pathlib import Path

import pytest
from tests.support.c_program import C_PROGRAMS_TABLE
from tests.support.databases import odd_database, recording_in
from tests.support.factories import START_S, snapshot_keys
from tests.support.harness import eventually, query, recorder
from tests.support.hours import differences, hours_of
from tests.support.hours_at_work import (
    ALWAYS,
    AT_ONCE,
    keeper_in,
    rows_of,
    stored_hours,
)
from tests.support.odd_tables import MORE, ROWS, assert_right, table

from bluenova_recorder.account import Account, transaction
from bluenova_recorder.rollup import triggers
from bluenova_recorder.rollup.fill import fill
from bluenova_recorder.rollup.keeper import HoursKeeper
from bluenova_recorder.rollup.rebuild import rebuild
from bluenova_recorder.rollup.transactions import connect, step
from bluenova_recorder.schema import prepare
from bluenova_tools.local import Mosquitto, Postgres

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def _where(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in postgres.environment().items():
        monkeypatch.setenv(name, value)


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
