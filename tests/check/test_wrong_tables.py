"""Tables that are not as a recorder needs them: `check` names what is wrong, and its cure."""

import contextlib
import re
from collections.abc import Callable, Iterator

import pytest
from psycopg2 import sql
from tests.support.c_program import C_PROGRAMS_TABLE, DUPLICATES
from tests.support.checking import Checked
from tests.support.databases import odd_database
from tests.support.harness import query

from bluenova_tools.local import Database, Mosquitto, Postgres

pytestmark = pytest.mark.services

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


def test_duplicates_of_the_c_program(postgres: Postgres, check: Callable[..., Checked]) -> None:
    with odd_database(postgres, before=C_PROGRAMS_TABLE + DUPLICATES) as database:
        checked = check(database.environment())
    words = "2 times have more than one row, the newest 2024-05-01 12:00:10 UTC"
    checked.assert_names("table's key", "warning", words)
