"""Databases that do not serve a recorder as they should: `check` names each, and its cure."""

import contextlib
import dataclasses
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from psycopg2 import sql
from tests.support.c_program import C_PROGRAMS_TABLE, DUPLICATES
from tests.support.checking import RECORDER, Checked, Checker
from tests.support.databases import odd_database
from tests.support.harness import eventually, query

from bluenova_recorder import schema
from bluenova_recorder.account import Account
from bluenova_recorder.housekeeping import Housekeeping
from bluenova_recorder.rollup import triggers
from bluenova_recorder.rollup.fill import fill
from bluenova_recorder.rollup.renew import WAITS
from bluenova_tools.local import Database, Mosquitto, Postgres, free_port
from bluenova_tools.local.pgbouncer import PgBouncer, find_pgbouncer

pytestmark = pytest.mark.services


@pytest.fixture
def check(checker: Checker) -> Callable[..., Checked]:
    """A check of a recorder whose broker is away."""

    def run(where: Mapping[str, str], **settings: Any) -> Checked:
        broker = {"MQTT_HOST": "127.0.0.1", "MQTT_PORT": free_port()}
        return checker.recorder({**broker, **where, **settings})

    return run


@pytest.fixture(scope="module")
def pattern(postgres: Postgres) -> Iterator[Database]:
    """A database as a recorder leaves it when it has started, to be copied."""
    made = postgres.create_database("pattern")
    with pytest.MonkeyPatch.context() as environment:
        for name, value in made.environment().items():
            environment.setenv(name, value)
        start_in(Account(made.name, made.user, made.password))
    yield made
    postgres.drop_database(made.name)


@pytest.fixture
def ready(postgres: Postgres, pattern: Database) -> Iterator[Database]:
    """A database as a recorder leaves it, for this test alone."""
    yield postgres.create_database("ready", template=pattern.name)
    postgres.drop_database("ready")


def start_in(account: Account) -> None:
    """Makes all that a recorder makes when it starts."""
    with contextlib.closing(account.connect()) as db:
        schema.prepare(db)
        Housekeeping(account, lambda: None).renew(db)
        with db, db.cursor() as cursor:
            missing = triggers.unmarked(cursor)
        triggers.see_to(account, missing)
        with db, db.cursor() as cursor:
            while fill(cursor, WAITS) is not None:
                pass


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


NOW = "date_trunc('second', now() AT TIME ZONE 'UTC')"
ROW = f"INSERT INTO battery_pack (mcu_id, insert_time_utc) VALUES (7, {NOW} %s)"

OF_INFINITY = "INSERT INTO battery_pack (mcu_id, insert_time_utc) VALUES (7, 'infinity')"


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        pytest.param(
            "DROP INDEX battery_pack_key",
            ("table's key", "warning", "none yet.*looked for before .*The recorder makes it"),
            id="no key",
        ),
        pytest.param(
            f"DROP INDEX battery_pack_key; {ROW % ''}; {ROW % ''}",
            ("table's key", "warning", "1 times have more than one row.*docs/migrating.md"),
            id="duplicates",
        ),
        pytest.param(
            "CREATE UNIQUE INDEX theirs ON battery_pack (insert_time_utc)",
            ("table's key", "warning", r"theirs on \(insert_time_utc\) may .*DROP INDEX theirs"),
            id="a narrower key",
        ),
        pytest.param(
            "UPDATE pg_index SET indisvalid = false "
            "WHERE indexrelid = 'battery_pack_key'::regclass",
            ("table's key", "warning", "battery_pack_key is invalid.*DROP INDEX battery_pack_key"),
            id="an invalid key",
        ),
        pytest.param(
            "ALTER TABLE battery_pack DROP COLUMN soc CASCADE",
            ("table", "warning", "lacks soc.*restart recorder"),
            id="a column that is missing",
        ),
        pytest.param(
            ROW % "+ INTERVAL '1 h'",
            ("newest rows", "wrong", "00000007 is 60 min in the future.*timedatectl"),
            id="a row of the future",
        ),
        pytest.param(
            ROW % "+ INTERVAL '50 s'",
            ("newest rows", "warning", "00000007 is (50|49|48) s in the future.*timedatectl"),
            id="a row of the near future",
        ),
        pytest.param(
            OF_INFINITY,
            ("newest rows", "wrong", "00000007 has the time infinity.*DELETE FROM battery_pack"),
            id="a row of infinity",
        ),
        pytest.param(
            OF_INFINITY.replace("'inf", "'-inf"),
            ("newest rows", "warning", "no row has a time that is past"),
            id="a row of minus infinity",
        ),
        pytest.param(
            ROW % "- INTERVAL '1 h'",
            ("newest rows", "warning", "none of late: 00000007 60 min ago.*collector check"),
            id="old rows",
        ),
        pytest.param(
            "INSERT INTO battery_pack_changed_hours VALUES "
            "(7, '2026-01-01', now() - INTERVAL '2 h')",
            ("hours", "warning", "1 hours wait for 2 h.*docker compose up -d recorder"),
            id="hours behind",
        ),
        pytest.param(
            "UPDATE battery_pack_hours_filled SET filled_from = '2026-01-01'",
            ("hours", "warning", "being filled in.*back to 2026-01-01"),
            id="hours to be filled in",
        ),
        pytest.param(
            "DROP TRIGGER battery_pack_hours_insert ON battery_pack",
            ("hours", "warning", "changes of battery_pack are not marked"),
            id="a trigger that is missing",
        ),
        pytest.param(
            "DROP TABLE battery_pack_hours CASCADE",
            ("hours", "warning", "not there yet"),
            id="no hours",
        ),
    ],
)  # fmt: skip
def test_a_table_that_is_not_as_it_should_be(
    before: str, expected: tuple[str, str, str], ready: Database, check: Callable[..., Checked]
) -> None:
    query(ready, before)
    check(ready.environment()).assert_names(*expected)


@pytest.mark.parametrize("key", ["", "DROP INDEX battery_pack_key"], ids=["with key", "without"])
@pytest.mark.parametrize(
    ("rows", "state", "words"),
    [
        pytest.param([ROW % "+ INTERVAL '50 s'"], "wrong", "no row has a time that is past",
                     id="one of the future"),
        pytest.param([OF_INFINITY], "wrong", "no row has a time that is past", id="infinity"),
        pytest.param([ROW % "- INTERVAL '1 h'", ROW % "+ INTERVAL '50 s'", OF_INFINITY], "wrong",
                     "the newest row is 60 min old", id="an old one and two of the future"),
        pytest.param([ROW % "", OF_INFINITY], "ok", r"the newest row is \d+ s old",
                     id="a fresh one and infinity"),
        pytest.param([ROW % "+ INTERVAL '1 s'"], "ok", r"the newest row is \d+ s old",
                     id="two clocks that differ a little"),
    ],
)  # fmt: skip
def test_a_row_of_the_future_does_not_tell_that_snapshots_come(
    rows: list[str],
    state: str,
    words: str,
    *,
    key: str,
    mosquitto: Mosquitto,
    ready: Database,
    check: Callable[..., Checked],
) -> None:
    query(ready, "; ".join([key, *rows]).removeprefix("; "))
    snapshots = check(ready.environment(), MQTT_PORT=mosquitto.port)["snapshots"]
    assert snapshots.state == state, snapshots
    assert re.search(words, snapshots.found), snapshots


@pytest.fixture
def owned(ready: Database) -> Iterator[Callable[[str], dict[str, str]]]:
    """Gives an account of no rights but those that it owns all; `change` takes some away again."""
    user = "writer_of_ready"
    name = sql.Identifier(user)

    def run(text: str) -> None:
        with contextlib.closing(ready.connect()) as db, db, db.cursor() as cursor:
            cursor.execute(sql.SQL(text).format(user=name, database=sql.Identifier(ready.name)))

    run("CREATE ROLE {user} LOGIN PASSWORD 'writes'; GRANT ALL ON SCHEMA public TO {user}")
    run("GRANT ALL ON ALL TABLES IN SCHEMA public TO {user}")
    run("ALTER TABLE battery_pack OWNER TO {user}")

    def change(text: str) -> dict[str, str]:
        run(text)
        return {**ready.environment(), "PGUSER": user, "PGPASSWORD": "writes"}

    yield change
    run("REASSIGN OWNED BY {user} TO homeauto; DROP OWNED BY {user}; DROP ROLE {user}")


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        pytest.param(
            "REVOKE INSERT ON battery_pack FROM {user}", "wrong",
            "missing: INSERT ON battery_pack -> As its owner: GRANT INSERT ON battery_pack TO "
            "writer_", id="no right to insert",
        ),
        pytest.param(
            "REVOKE INSERT ON battery_pack_rejected FROM {user}", "wrong",
            "GRANT INSERT ON battery_pack_rejected TO", id="no right to keep what is rejected",
        ),
        pytest.param(
            "REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC", "wrong",
            "GRANT TEMPORARY ON DATABASE", id="no temporary tables",
        ),
        pytest.param(
            "REVOKE DELETE ON battery_pack_changed_hours FROM {user}", "warning",
            "missing for the hours.*GRANT DELETE ON battery_pack_changed_hours TO",
            id="no right to keep the hours",
        ),
        pytest.param(
            "REVOKE CREATE ON SCHEMA public FROM {user}, PUBLIC", "warning",
            "missing for the hours.*GRANT CREATE ON SCHEMA public TO", id="no right to create",
        ),
        pytest.param(
            "ALTER TABLE battery_pack OWNER TO homeauto; GRANT ALL ON battery_pack TO {user}",
            "warning", "belongs to homeauto.*OWNER TO writer_", id="another owner",
        ),
        pytest.param(
            "ALTER ROLE {user} SET default_transaction_read_only = on", "wrong",
            "nothing can be written.*RESET default_transaction_read_only", id="read-only",
        ),
        pytest.param(
            "ALTER ROLE {user} SET search_path = nowhere", "wrong",
            r"\(nowhere\) leads to no schema.*SET search_path = public", id="no schema",
        ),
    ],
)  # fmt: skip
def test_rights_that_a_recorder_lacks(
    change: str,
    state: str,
    words: str,
    owned: Callable[[str], dict[str, str]],
    check: Callable[..., Checked],
) -> None:
    check(owned(change)).assert_names("database rights", state, words)


def test_somebody_who_locks_the_table(ready: Database, check: Callable[..., Checked]) -> None:
    with contextlib.closing(ready.connect()) as db, db.cursor() as cursor:
        cursor.execute("SET application_name = 'a backup'; LOCK TABLE battery_pack")
        began_s = time.monotonic()
        checked = check(ready.environment())
        assert time.monotonic() - began_s < 5
        pid = db.info.backend_pid
        words = rf"process {pid} \(a backup, account homeauto\).*pg_terminate_backend\({pid}\)"
        checked.assert_names("database blockers", "wrong", words)
        assert checked["newest rows"].found == "not looked at, as it needs: database blockers"
        db.rollback()
        cursor.execute("LOCK TABLE battery_pack IN ACCESS SHARE MODE")  # as pg_dump does
        assert check(ready.environment())["database blockers"].state == "ok"


@pytest.mark.parametrize(
    ("table", "state", "stops"),
    [
        ("changed_hours", "wrong", "no row can be written"),
        ("events", "wrong", "no event can be written"),
        ("rejected", "wrong", "nothing that is rejected can be kept"),
        ("hours", "warning", "no hours are kept meanwhile; recording goes on"),
        ("hour_facts", "warning", "no hours are kept meanwhile; recording goes on"),
        ("days", "warning", "no hours are kept meanwhile; recording goes on"),
        ("hours_filled", "warning", "old rows get no hours meanwhile; recording goes on"),
    ],
)  # fmt: skip
def test_somebody_who_locks_another_of_our_tables(
    table: str, state: str, stops: str, ready: Database, check: Callable[..., Checked]
) -> None:
    with contextlib.closing(ready.connect()) as db, db.cursor() as cursor:
        pid = db.info.backend_pid
        for mode in ("SHARE", "ACCESS EXCLUSIVE"):
            cursor.execute(
                f"SET application_name = 'a tool'; LOCK battery_pack_{table} IN {mode} MODE"
            )
            words = (
                rf"process {pid} \(a tool, account homeauto\) has battery_pack_{table} locked for "
                rf"\d+ s: {stops}; 0 wait -> .*pg_terminate_backend\({pid}\)"
            )
            checked = check(ready.environment())
            checked.assert_names("database blockers", state, words)
            db.rollback()


def test_two_who_lock_tables_of_ours(ready: Database, check: Callable[..., Checked]) -> None:
    with (
        contextlib.closing(ready.connect()) as one,
        one.cursor() as first,
        contextlib.closing(ready.connect()) as other,
        other.cursor() as second,
    ):
        first.execute("LOCK battery_pack_days")
        second.execute("LOCK battery_pack_events, battery_pack_hours_filled")
        pids = one.info.backend_pid, other.info.backend_pid
        checked = check(ready.environment())
    words = (
        r"battery_pack_days locked for \d+ s: no hours are kept meanwhile; process .* has "
        r"battery_pack_events, battery_pack_hours_filled locked for \d+ s: no event can be written "
        rf"and old rows get no hours .*\({pids[0]}\); .*\({pids[1]}\)"
    )
    checked.assert_names("database blockers", "wrong", words)
    for name in ("newest rows", "hours"):
        assert checked[name].found.endswith("a table is locked (see: database blockers)")


def test_a_backup_that_keeps_an_index_waiting(
    ready: Database, check: Callable[..., Checked]
) -> None:
    with (
        ThreadPoolExecutor() as beside,
        contextlib.closing(ready.connect()) as owner,
        owner.cursor() as builds,
        # Its end is the first, and lets the build go on, whatever comes.
        contextlib.closing(ready.connect()) as backup,
        backup.cursor() as dumps,
    ):
        backup.set_session(isolation_level="REPEATABLE READ")
        dumps.execute("SET application_name = 'pg_dump'; SELECT count(*) FROM battery_pack")
        owner.autocommit = True
        build = "CREATE INDEX CONCURRENTLY theirs ON battery_pack (soc)"
        built = beside.submit(builds.execute, build)
        name = "database blockers"
        eventually(lambda: check(ready.environment())[name].state == "warning")
        words = rf"waits for process {backup.info.backend_pid} \(pg_dump, account.*Wait until"
        check(ready.environment()).assert_names(name, "warning", words)
        backup.rollback()
        built.result(10)


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


def test_duplicates_of_the_c_program(postgres: Postgres, check: Callable[..., Checked]) -> None:
    with odd_database(postgres, before=C_PROGRAMS_TABLE + DUPLICATES) as database:
        checked = check(database.environment())
    words = "2 times have more than one row, the newest 2024-05-01 12:00:10 UTC"
    checked.assert_names("table's key", "warning", words)
