"""A real PgBouncer between the recorder and the database, in either mode."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.c_program import C_PROGRAMS_TABLE, DUPLICATES
from tests.support.databases import odd_database, recording_in, unique_from
from tests.support.factories import START_S, snapshot_keys
from tests.support.harness import eventually, query

from bluenova_recorder.account import Account, Session, transaction
from bluenova_recorder.key import KeyMaker
from bluenova_recorder.look import look
from bluenova_recorder.table_state import ALWAYS, NEVER
from bluenova_tools.local import Database, Postgres
from bluenova_tools.local.pgbouncer import PgBouncer, find_pgbouncer

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(
        find_pgbouncer() is None,
        reason="there is no PgBouncer (as root on Debian: tools/setup.sh pooler)",
    ),
]


@pytest.fixture(params=["transaction", "session"])
def pooler(request: pytest.FixtureRequest, postgres: Postgres) -> Iterator[PgBouncer]:
    with PgBouncer(postgres, request.param) as one:
        yield one


def stored_soc(database: Database) -> list[int]:
    found = query(
        database,
        "SELECT soc FROM battery_pack WHERE insert_time_utc > '2026-11-01' AND soc IS NOT NULL",
    )
    return sorted(soc for (soc,) in found)


@pytest.mark.parametrize(
    "before", ["", C_PROGRAMS_TABLE, C_PROGRAMS_TABLE + DUPLICATES],
    ids=["a new table", "an old table", "an old table with duplicates"],
)  # fmt: skip
def test_each_snapshot_is_stored_once_over_restarts(
    before: str, pooler: PgBouncer, postgres: Postgres, tmp_path: Path
) -> None:
    with odd_database(postgres, before=before) as database:
        for number in range(3):
            with recording_in(
                database, tmp_path, where=pooler.environment(database), name=f"recorder-{number}"
            ) as recording:
                sent = [
                    snapshot_keys(START_S + n, soc=n) for n in range(number * 5, 10 + number * 5)
                ]
                recording.publish(*sent, *sent)
                eventually(lambda: 10 + number * 5 == len(stored_soc(database)))  # noqa: B023  # it is called at once
                eventually(lambda: unique_from(database) != NEVER)
                assert not [line for line in recording.service.lines() if "does not take" in line]
        assert stored_soc(database) == list(range(20))
        assert (unique_from(database) == ALWAYS) == (DUPLICATES not in before)


def test_nothing_of_ours_stays_in_the_pools_sessions(postgres: Postgres, tmp_path: Path) -> None:
    with (
        PgBouncer(postgres, "transaction", pool_size=1) as pooler,
        odd_database(postgres, before=C_PROGRAMS_TABLE) as database,
        recording_in(database, tmp_path, where=pooler.environment(database)) as recording,
    ):
        recording.publish(snapshot_keys(START_S))
        recording.catch_up()
        eventually(lambda: unique_from(database) == ALWAYS)
        through = Database(database.host, pooler.port, database.name, database.user,
                           database.password)  # fmt: skip
        ours = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        for name in ours:
            assert query(through, "SELECT setting FROM pg_settings WHERE name = %s", name) == [
                ("0",)
            ]
        assert query(through, "SELECT count(*) FROM pg_class WHERE relname = 'stage'") == [(0,)]
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        eventually(lambda: query(through, held) == [(0,)])


def test_a_key_that_takes_long_is_not_built_through_a_pooler_and_the_log_says_what_to_do(
    pooler: PgBouncer,
    postgres: Postgres,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    many = (
        "INSERT INTO battery_pack (insert_time_utc, mcu_id) SELECT TIMESTAMP '2000-01-01' "
        "+ n * INTERVAL '1 s', n % 7 FROM generate_series(1, 300000) AS n"
    )
    with odd_database(postgres, before=C_PROGRAMS_TABLE + many) as database:
        for name, value in pooler.environment(database).items():
            monkeypatch.setenv(name, value)
        account = Account(database.name, database.user, database.password)
        keys = KeyMaker(account, moment=Session(statement_timeout_s=0.03))
        with contextlib.closing(account.connect()) as db, transaction(db) as cursor:
            state = look(cursor)
        assert state is not None
        for _ in range(2):
            assert keys.see_to(state), "it is tried once"
        (said,) = caplog.messages
        assert "PGHOST and PGPORT of PostgreSQL itself" in said
        assert unique_from(database) == NEVER


def test_hours_are_kept_behind_a_pooler(
    pooler: PgBouncer, postgres: Postgres, tmp_path: Path
) -> None:
    with (
        odd_database(postgres, before=C_PROGRAMS_TABLE) as database,
        recording_in(database, tmp_path, where=pooler.environment(database)) as recording,
    ):
        hours = "SELECT row_count FROM battery_pack_hours ORDER BY hour_utc"
        eventually(lambda: query(database, hours) == [(360,), (360,), (280,)], timeout_s=30)
        recording.publish(*[snapshot_keys(START_S + n) for n in range(3)])
        eventually(lambda: query(database, hours)[3:] == [(3,)], timeout_s=30)
