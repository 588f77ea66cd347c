"""What is claimed of the table holds for this very table, as it is now."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.c_program import C_PROGRAMS_TABLE, COLUMNS
from tests.support.databases import odd_database, recording_in, unique_from
from tests.support.factories import MCU_ID, OTHER_MCU_ID, START_S, snapshot_keys
from tests.support.harness import eventually, query
from tests.support.recording import Recording

from bluenova_recorder.table_state import ALWAYS
from bluenova_tools.local import Postgres

pytestmark = pytest.mark.services

# As PostgreSQL's own manual has it, with a table for each month.
ROUTED = f"""
CREATE TABLE battery_pack ({COLUMNS});
CREATE TABLE battery_pack_2026_11 (CHECK (insert_time_utc < '2026-12-01')) INHERITS (battery_pack);
CREATE TABLE battery_pack_2026_12 (CHECK (insert_time_utc >= '2026-12-01')) INHERITS (battery_pack);
CREATE FUNCTION route() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.insert_time_utc < '2026-12-01' THEN INSERT INTO battery_pack_2026_11 VALUES (NEW.*);
    ELSE INSERT INTO battery_pack_2026_12 VALUES (NEW.*); END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER route BEFORE INSERT ON battery_pack FOR EACH ROW EXECUTE FUNCTION route();
"""
TWICE = (
    "SELECT count(*) FROM (SELECT FROM battery_pack WHERE insert_time_utc > '2026-01-01' "
    "GROUP BY mcu_id, insert_time_utc HAVING count(*) > 1) AS twice"
)


def publish_often(recording: Recording, start_s: int) -> None:
    """Ten snapshots, each five times over several batches, and all of them stored."""
    found = "SELECT 1 FROM battery_pack WHERE insert_time_utc = to_timestamp({}) AT TIME ZONE 'UTC'"
    for _ in range(5):
        recording.publish(*[snapshot_keys(start_s + n, soc=n) for n in range(10)])
        recording.publish(snapshot_keys(start_s + 10, soc=10))
    eventually(lambda: query(recording.database, found.format(start_s + 10)))
    recording.publish(snapshot_keys(start_s + 11))
    eventually(lambda: query(recording.database, found.format(start_s + 11)))


def test_rows_that_a_trigger_routes_to_heirs_come_once_and_no_key_is_claimed(
    postgres: Postgres, tmp_path: Path
) -> None:
    with (
        odd_database(postgres, before=ROUTED) as database,
        recording_in(database, tmp_path) as recording,
    ):
        recording.service.wait_for_line("cannot have a unique key that holds for all of its rows")
        publish_often(recording, START_S)
        publish_often(recording, START_S + 30 * 86400)
        assert query(database, TWICE) == [(0,)]
        assert query(database, "SELECT count(*) FROM battery_pack_2026_12") == [(12,)]
        assert query(database, "SELECT count(*) FROM battery_pack_rejected") == [(0,)]
        assert not [line for line in recording.service.lines() if "has a unique key on" in line]


def test_a_table_that_is_renamed_and_made_anew_gets_a_key_of_its_own_and_the_archive_keeps_its(
    postgres: Postgres, tmp_path: Path
) -> None:
    with odd_database(postgres) as database, recording_in(database, tmp_path) as recording:
        publish_often(recording, START_S)
        archive = "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = %s::regclass"
        before = query(database, archive, "battery_pack")
        query(
            database,
            "ALTER TABLE battery_pack RENAME TO archive_2026;"
            f"CREATE TABLE battery_pack ({COLUMNS})",
        )
        publish_often(recording, START_S + 1000)
        eventually(lambda: unique_from(database) == ALWAYS)
        publish_often(recording, START_S + 2000)
        assert query(database, TWICE) == [(0,)]
        assert query(database, archive, "archive_2026") == before
        state = "SELECT count(*) FROM pg_index WHERE indrelid = 'battery_pack'::regclass"
        assert query(database, state) == [(2,)]


def test_a_key_that_is_dropped_while_running_is_made_again_and_nothing_comes_twice(
    postgres: Postgres, tmp_path: Path
) -> None:
    with odd_database(postgres) as database, recording_in(database, tmp_path) as recording:
        publish_often(recording, START_S)
        query(database, "DROP INDEX battery_pack_key")
        publish_often(recording, START_S + 1000)
        eventually(lambda: unique_from(database) == ALWAYS)
        assert query(database, TWICE) == [(0,)]


@pytest.fixture
def old_table(postgres: Postgres, tmp_path: Path) -> Iterator[Recording]:
    """The C program's table, to which a recorder at work has just given its key."""
    with (
        odd_database(postgres, before=C_PROGRAMS_TABLE) as database,
        recording_in(database, tmp_path) as recording,
    ):
        recording.publish(snapshot_keys(START_S - 10))
        eventually(lambda: unique_from(database) == ALWAYS)
        yield recording


def test_an_old_tables_key_that_is_dropped_while_running_is_made_again(
    old_table: Recording,
) -> None:
    database = old_table.database
    publish_often(old_table, START_S)
    query(database, "DROP INDEX battery_pack_key")
    publish_often(old_table, START_S + 1000)
    eventually(lambda: unique_from(database) == ALWAYS)
    assert not any("holds more than one row" in line for line in old_table.service.lines())
    assert query(database, TWICE) == [(0,)]


def test_a_key_that_is_dropped_before_the_next_row_comes_is_made_again(
    old_table: Recording,
) -> None:
    database = old_table.database
    time.sleep(1)  # the housekeeping is done
    query(database, "DROP INDEX battery_pack_key")
    publish_often(old_table, START_S)
    eventually(lambda: unique_from(database) == ALWAYS)
    assert query(database, TWICE) == [(0,)]


def test_an_index_of_the_time_that_is_dropped_while_running_is_made_again(
    postgres: Postgres, tmp_path: Path
) -> None:
    there = "SELECT to_regclass('battery_pack_time') IS NOT NULL"
    with odd_database(postgres) as database, recording_in(database, tmp_path) as recording:
        publish_often(recording, START_S)
        query(database, "DROP INDEX battery_pack_time")
        publish_often(recording, START_S + 1000)
        eventually(lambda: query(database, there) == [(True,)])


def test_a_view_of_somebody_else_by_our_name_stays_and_keeps_nothing_from_us(
    postgres: Postgres, tmp_path: Path
) -> None:
    mine = "CREATE VIEW battery_pack_gaps AS SELECT 1 AS mine"
    with (
        odd_database(postgres, before=f"{C_PROGRAMS_TABLE}; {mine}") as database,
        recording_in(database, tmp_path) as recording,
    ):
        eventually(lambda: unique_from(database) == ALWAYS)
        said = [line for line in recording.service.lines() if "cannot be as this release" in line]
        assert len(said) == 1
        assert query(database, "SELECT * FROM battery_pack_gaps") == [(1,)]


def test_an_owners_unfinished_index_of_a_partitioned_table_is_left_alone(
    postgres: Postgres, tmp_path: Path
) -> None:
    unfinished = (
        f"CREATE TABLE battery_pack ({COLUMNS}) PARTITION BY RANGE (insert_time_utc);"
        "CREATE TABLE ever PARTITION OF battery_pack FOR VALUES FROM (MINVALUE) TO (MAXVALUE);"
        "CREATE UNIQUE INDEX battery_pack_key ON ONLY battery_pack (mcu_id, insert_time_utc);"
    )
    with (
        odd_database(postgres, before=unfinished) as database,
        recording_in(database, tmp_path) as recording,
    ):
        eventually(lambda: unique_from(database) == ALWAYS)
        publish_often(recording, START_S)
        assert query(database, "SELECT to_regclass('battery_pack_key') IS NOT NULL") == [(True,)]
        assert query(database, TWICE) == [(0,)]


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("ALTER TABLE battery_pack ADD PRIMARY KEY (insert_time_utc)", id="the time"),
        pytest.param("CREATE UNIQUE INDEX mine ON battery_pack (insert_time_utc, soc)", id="more"),
        pytest.param(
            "CREATE UNIQUE INDEX mine ON battery_pack ((insert_time_utc + INTERVAL '0'))",
            id="an expression",
        ),
        pytest.param(
            "ALTER TABLE battery_pack ADD CONSTRAINT mine EXCLUDE (insert_time_utc WITH =)",
            id="an exclusion",
        ),
    ],
)
def test_a_users_narrower_key_is_named_at_the_start_and_as_the_reason(
    key: str, postgres: Postgres, tmp_path: Path
) -> None:
    with (
        odd_database(postgres, before=C_PROGRAMS_TABLE + key) as database,
        recording_in(database, tmp_path) as recording,
    ):
        name = "mine" if "mine" in key else "battery_pack_pkey"
        recording.service.wait_for_line(f"a unique key of your own, {name} on")
        eventually(lambda: unique_from(database) == ALWAYS)
        recording.publish(*[snapshot_keys(START_S, mcu, soc=5) for mcu in (MCU_ID, OTHER_MCU_ID)])
        reason = "SELECT reason FROM battery_pack_rejected"
        ((said,),) = eventually(lambda: query(database, reason))
        assert "another unique key" in said
        assert "time taken" not in said


def test_a_users_serial_number_is_no_narrower_key(postgres: Postgres, tmp_path: Path) -> None:
    serial = "ALTER TABLE battery_pack ADD COLUMN id BIGSERIAL PRIMARY KEY"
    with (
        odd_database(postgres, before=C_PROGRAMS_TABLE + serial) as database,
        recording_in(database, tmp_path) as recording,
    ):
        publish_often(recording, START_S)
        eventually(lambda: unique_from(database) == ALWAYS)
        assert query(database, TWICE) == [(0,)]
        assert not [line for line in recording.service.lines() if "of your own" in line]


def test_an_index_of_our_name_on_another_table_is_left_alone(
    postgres: Postgres, tmp_path: Path
) -> None:
    other = C_PROGRAMS_TABLE + (
        "CREATE TABLE other (a INT); CREATE UNIQUE INDEX battery_pack_key ON other (a);"
        "CREATE UNIQUE INDEX battery_pack_key_from_5 ON other (a) WHERE a > 5"
    )
    with (
        odd_database(postgres, before=other) as database,
        recording_in(database, tmp_path) as recording,
    ):
        recording.service.wait_for_line("has a unique key on")
        found = "SELECT count(*) FROM pg_index WHERE indrelid = 'other'::regclass"
        assert query(database, found) == [(2,)]
        assert unique_from(database) == ALWAYS
