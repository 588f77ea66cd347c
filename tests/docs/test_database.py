"""The commands of docs/database.md do what is said of them."""

import contextlib
from pathlib import Path

import pytest
from tests.support.c_program import C_PROGRAMS_TABLE
from tests.support.databases import odd_database
from tests.support.documents import marked_sql
from tests.support.harness import eventually
from tests.support.hours_at_work import assert_recomputed, keeper_in, rows_of, stored_hours

from bluenova_recorder.account import Account, transaction
from bluenova_recorder.housekeeping import Housekeeping
from bluenova_recorder.look import look
from bluenova_recorder.schema import prepare
from bluenova_recorder.table_state import ALWAYS, TableState
from bluenova_tools.local import Database, Postgres

pytestmark = pytest.mark.services

DOCUMENT = Path(__file__).parents[2] / "docs/database.md"


@pytest.fixture(autouse=True)
def _where(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in postgres.environment().items():
        monkeypatch.setenv(name, value)


def statements() -> dict[str, str]:
    return marked_sql(DOCUMENT.read_text(encoding="utf-8"))


def state_of(database: Database) -> TableState:
    with contextlib.closing(database.connect()) as db, transaction(db) as cursor:
        state = look(cursor)
    assert state is not None
    return state


def run(database: Database, statement: str) -> None:
    """As psql does, which knows BEGIN and COMMIT."""
    with contextlib.closing(database.connect()) as db, db.cursor() as cursor:
        db.autocommit = True
        cursor.execute(statement)


def in_order(rows: list[dict[str, object]]) -> list[str]:
    return sorted(map(str, rows))


def test_a_table_becomes_partitions_with_its_rows_its_key_and_its_hours(postgres: Postgres) -> None:
    wrong_clock = "INSERT INTO battery_pack (insert_time_utc, mcu_id) VALUES ('1970-01-01', 5);"
    with odd_database(postgres, before=C_PROGRAMS_TABLE + wrong_clock) as database:
        account = Account(database.name, database.user, database.password)
        with contextlib.closing(database.connect()) as db:
            prepare(db)
        state = state_of(database)
        housekeeping = Housekeeping(account, lambda: None)
        eventually(lambda: housekeeping.keep(state))
        with contextlib.closing(keeper_in(database)) as keeper:
            assert keeper.work()
            rows, hours = rows_of(database), stored_hours(database)
            run(database, statements()["partitions"])
            run(database, statements()["old_table"])
            state = state_of(database)
            assert (state.kind, state.unique_from) == ("p", ALWAYS)
            eventually(lambda: housekeeping.keep(state))
            run(database, "SELECT FROM battery_pack_gaps")
            assert in_order(rows_of(database)) == in_order(rows)
            assert keeper.work()
            assert stored_hours(database) == hours
            run(database, statements()["more_months"])
            run(
                database,
                "INSERT INTO battery_pack (insert_time_utc, mcu_id) VALUES ('2031-01-05', 6);"
                "DELETE FROM battery_pack WHERE insert_time_utc = '1970-01-01'",
            )
            assert keeper.work()
            assert len(stored_hours(database)) == len(hours)
            assert_recomputed(database)
