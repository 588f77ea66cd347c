"""Databases that do not serve a recorder as they should: `check` names each, and its cure."""

import dataclasses
import time
from collections.abc import Callable, Mapping

import pytest
from tests.support.c_program import C_PROGRAMS_TABLE
from tests.support.checking import RECORDER, Checked, Checker
from tests.support.databases import odd_database
from tests.support.harness import query

from bluenova_tools.local import Database, Postgres, free_port
from bluenova_tools.local.pgbouncer import PgBouncer, find_pgbouncer

pytestmark = pytest.mark.services


@pytest.mark.parametrize(
    ("settings", "name", "words"),
    [
        pytest.param(
            {"PGHOST": "nowhere.invalid"}, "database reachable",
            "could not translate.*Set PGHOST", id="a name that nobody knows",
        ),
        pytest.param(
            {"PGPORT": "1"}, "database reachable",
            "Connection refused.*docker compose up -d postgres.*PGPORT", id="a wrong port",
        ),
        pytest.param(
            {"PGPASSWORD": "guessed"}, "database account",
            "password authentication failed.*PGPASSWORD_FILE.*secrets renew homeauto",
            id="a wrong password",
        ),
        pytest.param(
            {"PGUSER": "nobody"}, "database account", "authentication failed.*Set PGUSER",
            id="a wrong account",
        ),
        pytest.param(
            {"PGDATABASE": "elsewhere"}, "database account",
            '"elsewhere" does not exist.*createdb -E UTF8', id="a database that is not there",
        ),
        pytest.param(
            {"PGSSLMODE": "require"}, "database reachable",
            "does not support SSL.*Set PGSSLMODE=prefer", id="TLS that is not spoken",
        ),
    ],
)  # fmt: skip
def test_a_database_that_does_not_let_us_in(
    settings: Mapping[str, str],
    name: str,
    words: str,
    database: Database,
    check: Callable[..., Checked],
) -> None:
    checked = check(database.environment(), **settings)
    checked.assert_names(name, "wrong", words)
    assert checked["table"].found == f"not looked at, as it needs: {name}"
    assert database.password not in str(checked)


def test_a_database_as_a_recorder_leaves_it(ready: Database, check: Callable[..., Checked]) -> None:
    checked = check(ready.environment())
    assert checked.names("wrong") == ["broker port"]
    checked.assert_names("newest rows", "warning", "none yet.*See: snapshots")
    assert checked.names("warning") == ["newest rows"]


def test_a_database_without_any_table(database: Database, check: Callable[..., Checked]) -> None:
    checked = check(database.environment())
    checked.assert_names("table", "warning", "no battery_pack yet.*docker compose up -d recorder")
    assert checked["database rights"].state == "ok"
    assert query(database, "SELECT count(*) FROM pg_stat_user_tables") == [(0,)]


def test_an_encoding_that_cannot_hold_all(
    postgres: Postgres, check: Callable[..., Checked]
) -> None:
    with odd_database(postgres, encoding="LATIN1") as database:
        checked = check(database.environment())
    checked.assert_names("database encoding", "warning", "LATIN1.*rejected.*createdb -E UTF8")


@pytest.mark.parametrize(
    ("ahead_s", "state"), [(-7200.0, "wrong"), (20.0, "warning"), (0.0, "ok")],
    ids=["two hours behind", "some seconds ahead", "right"],
)  # fmt: skip
def test_two_clocks(ahead_s: float, state: str, database: Database, checker: Checker) -> None:
    parts = dataclasses.replace(RECORDER, wall=lambda: time.time() + ahead_s)
    settings = {**database.environment(), "MQTT_HOST": "127.0.0.1", "MQTT_PORT": free_port()}
    checked = checker.recorder(settings, parts)
    assert checked["database clock"].state == state
    if state != "ok":
        checked.assert_names(
            "database clock", state, "(7200.0 s ahead of|20.0 s behind) ours.*set-ntp"
        )


@pytest.mark.skipif(
    find_pgbouncer() is None,
    reason="there is no PgBouncer (as root on Debian: tools/setup.sh pooler)",
)
@pytest.mark.parametrize(
    ("mode", "pool_size"), [("transaction", 5), ("session", 5), ("session", 1)]
)
def test_a_pooler(
    mode: str, pool_size: int, postgres: Postgres, check: Callable[..., Checked]
) -> None:
    with (
        PgBouncer(postgres, mode, pool_size=pool_size) as pooler,
        odd_database(postgres, before=C_PROGRAMS_TABLE) as database,
    ):
        checked = check(pooler.environment(database))
        words = f"in {mode} mode.*cannot be built through it.*PGHOST and PGPORT of PostgreSQL"
        checked.assert_names("database pooler", "warning", words)
        query(database, "CREATE UNIQUE INDEX ON battery_pack (mcu_id, insert_time_utc)")
        assert check(pooler.environment(database))["database pooler"].state == "ok"
        assert check(database.environment())["database pooler"].found.startswith("none")
