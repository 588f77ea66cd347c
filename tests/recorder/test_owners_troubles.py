"""What the database's owner can mend is waited for, and never counts as never storable."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.c_program import C_PROGRAMS_TABLE, COLUMNS
from tests.support.databases import odd_database, recording_in
from tests.support.factories import MCU_ID, OTHER_MCU_ID, START_S, an_id, snapshot_keys
from tests.support.harness import eventually, query
from tests.support.recording import Recording

from bluenova_tools.local import Postgres

pytestmark = pytest.mark.services

BACKLOG, RECORDED = f"bluenova/{MCU_ID}/backlog", f"bluenova/{MCU_ID}/recorded"
PARTITIONED = f"CREATE TABLE battery_pack ({COLUMNS}) PARTITION BY RANGE (insert_time_utc);"
NOVEMBER = (
    "CREATE TABLE november PARTITION OF battery_pack "
    "FOR VALUES FROM ('2026-11-01') TO ('2026-12-01');"
)
DECEMBER = (
    "CREATE TABLE december PARTITION OF battery_pack "
    "FOR VALUES FROM ('2026-12-01') TO ('2027-01-01');"
)
MONTH_S = 30 * 86400


def item(time_s: int, **keys: Any) -> dict[str, Any]:
    return snapshot_keys(time_s, MCU_ID, id=an_id(), **keys)


def told(recording: Recording, kind: str) -> set[str]:
    """The ids that receipts have named in this way."""
    named: set[str] = set()
    for payload in recording.listener.payloads(RECORDED):
        named |= {one if isinstance(one, str) else one["id"] for one in json.loads(payload)[kind]}
    return named


def send(recording: Recording, items: list[dict[str, Any]]) -> None:
    recording.listener.publish(BACKLOG, json.dumps(items))


def ids(items: list[dict[str, Any]]) -> set[str]:
    return {one["id"] for one in items}


def test_a_missing_partition_is_waited_for_and_costs_the_other_rows_nothing(
    postgres: Postgres, tmp_path: Path
) -> None:
    with (
        odd_database(postgres, before=PARTITIONED + NOVEMBER) as database,
        recording_in(database, tmp_path) as recording,
    ):
        good = [item(START_S + 10 * n) for n in range(20)]
        late = [item(START_S + MONTH_S + 10 * n) for n in range(20)]
        mixed = [one for pair in zip(late, good, strict=True) for one in pair]
        send(recording, mixed)
        eventually(lambda: told(recording, "recorded") == ids(good))
        recording.service.wait_for_line("no partition for this time: make it")
        assert len(recording.rows()) == 20
        send(recording, late)
        eventually(lambda: told(recording, "postponed") == ids(late))
        query(database, DECEMBER)
        send(recording, late)
        eventually(lambda: told(recording, "recorded") == ids(mixed))
        assert len(recording.rows()) == 40
        assert told(recording, "rejected") == set()
        assert query(database, "SELECT count(*) FROM battery_pack_rejected") == [(0,)]


@pytest.mark.parametrize(
    "trouble",
    [
        "RAISE EXCEPTION 'out of range, mend route()'",
        "RAISE EXCEPTION 'no' USING ERRCODE = '45000'",
        "RAISE EXCEPTION 'no' USING ERRCODE = '0A000'",
        "RAISE insufficient_privilege",
        "RAISE no_data_found",
        "ASSERT false",
        "PERFORM nowhere(1)",
        "DELETE FROM nowhere",
    ],
)
def test_what_a_trigger_raises_is_waited_for_and_costs_the_other_rows_nothing(
    trouble: str, postgres: Postgres, tmp_path: Path
) -> None:
    before = C_PROGRAMS_TABLE + (
        "CREATE FUNCTION route() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF NEW.soc = 7 THEN {trouble}; END IF; "
        "RETURN NEW; END $$;"
        "CREATE TRIGGER route BEFORE INSERT ON battery_pack FOR EACH ROW EXECUTE FUNCTION route();"
    )
    with (
        odd_database(postgres, before=before) as database,
        recording_in(database, tmp_path) as recording,
    ):
        items = [item(START_S + 10 * n, soc=n) for n in range(20)]
        send(recording, items)
        eventually(lambda: told(recording, "recorded") == ids(items) - {items[7]["id"]})
        recording.service.wait_for_line("A trigger of battery_pack refuses it")
        query(database, "DROP TRIGGER route ON battery_pack")
        send(recording, [items[7]])
        eventually(lambda: told(recording, "recorded") == ids(items))
        assert told(recording, "rejected") == set()


@pytest.mark.parametrize("bad", [3, 40], ids=["a few", "most"])
def test_rows_that_wait_keep_no_others_waiting_however_many_come_first(
    bad: int, postgres: Postgres, tmp_path: Path
) -> None:
    with (
        odd_database(postgres, before=PARTITIONED + NOVEMBER) as database,
        recording_in(database, tmp_path) as recording,
    ):
        late = [item(START_S + MONTH_S + 10 * n) for n in range(bad)]
        good = [item(START_S + 10 * n) for n in range(20)]
        others = snapshot_keys(START_S, OTHER_MCU_ID)
        send(recording, [*late, *good])
        recording.publish(others)
        eventually(lambda: told(recording, "recorded") == ids(good))
        eventually(lambda: told(recording, "postponed") == ids(late))
        eventually(lambda: len(recording.rows(OTHER_MCU_ID)) == 1)


# Its texts do not become shorter when PostgreSQL compresses them.
LONG_FOR_7 = (
    "CREATE FUNCTION long(n INT) RETURNS TEXT LANGUAGE sql IMMUTABLE AS "
    "$$ SELECT CASE n WHEN 7 THEN (SELECT string_agg(md5(i::TEXT), '') "
    "FROM generate_series(1, 1000) AS i) ELSE '' END $$;"
)
DEEP_FOR_7 = (
    "CREATE FUNCTION deep(n INT) RETURNS INT LANGUAGE plpgsql AS "
    "$$ BEGIN RETURN deep(n + 1); END $$;"
    "CREATE FUNCTION dive() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN IF NEW.soc = 7 THEN PERFORM deep(0); END IF; RETURN NEW; END $$;"
)


@pytest.mark.parametrize(
    ("before", "mends"),
    [
        (
            LONG_FOR_7 + "CREATE INDEX a_users ON battery_pack (long(soc));",
            "DROP INDEX a_users",
        ),
        (
            DEEP_FOR_7 + "CREATE TRIGGER a_users BEFORE INSERT ON battery_pack "
            "FOR EACH ROW EXECUTE FUNCTION dive();",
            "DROP TRIGGER a_users ON battery_pack",
        ),
    ],
    ids=["a text too long for an index", "a trigger that goes too deep"],
)
def test_a_row_that_meets_a_limit_of_the_server_is_waited_for_and_costs_the_others_nothing(
    before: str, mends: str, postgres: Postgres, tmp_path: Path
) -> None:
    table = f"CREATE TABLE battery_pack ({COLUMNS});"
    with (
        odd_database(postgres, before=table + before) as database,
        recording_in(database, tmp_path) as recording,
    ):
        items = [item(START_S + 10 * n, soc=n) for n in range(40)]
        send(recording, items)
        eventually(lambda: told(recording, "recorded") == ids(items) - {items[7]["id"]})
        eventually(lambda: told(recording, "postponed") == {items[7]["id"]})
        recording.service.wait_for_line("An index or a trigger of battery_pack is not made for")
        query(database, mends)
        send(recording, [items[7]])
        eventually(lambda: told(recording, "recorded") == ids(items))
        assert told(recording, "rejected") == set()


def test_a_users_column_that_wants_a_value_is_waited_for(
    postgres: Postgres, tmp_path: Path
) -> None:
    before = C_PROGRAMS_TABLE + "ALTER TABLE battery_pack ADD COLUMN place TEXT;"
    before += (
        "UPDATE battery_pack SET place = 'x'; ALTER TABLE battery_pack ALTER place SET NOT NULL"
    )
    with (
        odd_database(postgres, before=before) as database,
        recording_in(database, tmp_path) as recording,
    ):
        send(recording, [one := item(START_S)])
        recording.service.wait_for_line("The column place of battery_pack is not the recorder's")
        assert told(recording, "recorded") == told(recording, "rejected") == set()
        query(database, "ALTER TABLE battery_pack ALTER place SET DEFAULT 'home'")
        send(recording, [one])
        eventually(lambda: told(recording, "recorded") == {one["id"]})


@pytest.mark.parametrize(
    ("takes", "gives_back", "cure"),
    [
        (
            "REVOKE INSERT ON battery_pack FROM PUBLIC, writer",
            "GRANT INSERT ON battery_pack TO writer",
            "Give the account its right back",
        ),
        (
            "ALTER ROLE writer SET default_transaction_read_only = on",
            "ALTER ROLE writer RESET default_transaction_read_only",
            "is read-only: let it write",
        ),
    ],
    ids=["a revoked right", "an account that is read-only"],
)
def test_what_the_account_may_not_is_waited_for_and_the_cure_is_said(
    takes: str, gives_back: str, cure: str, postgres: Postgres, tmp_path: Path
) -> None:
    role = "DROP ROLE IF EXISTS writer; CREATE ROLE writer LOGIN PASSWORD 'w'"
    query(postgres.database(), role)
    grants = "GRANT ALL ON SCHEMA public TO writer"
    try:
        with odd_database(postgres, before=grants) as database:
            where = database.environment() | {"PGUSER": "writer", "PGPASSWORD": "w"}
            with recording_in(database, tmp_path, where=where) as recording:
                query(database, "ALTER TABLE battery_pack OWNER TO CURRENT_USER")
                query(database, "GRANT SELECT, INSERT ON battery_pack TO writer")
                query(database, takes)
                query(
                    database,
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE usename = 'writer'",
                )
                send(recording, [one := item(START_S)])
                recording.service.wait_for_line(cure)
                query(database, gives_back)
                eventually(lambda: told(recording, "recorded") == {one["id"]}, timeout_s=40)
    finally:
        query(postgres.database(), "DROP ROLE IF EXISTS writer")
