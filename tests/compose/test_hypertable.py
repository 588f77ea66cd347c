"""Rows and hours on a TimescaleDB hypertable, if its image can be had."""

import contextlib
import dataclasses
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg2
import pytest
from tests.support.c_program import C_PROGRAMS_TABLE, COLUMNS
from tests.support.documents import marked_sql
from tests.support.harness import eventually, query
from tests.support.hours import differences, hours_of
from tests.support.hours_at_work import assert_recomputed, keeper_in, rows_of, stored_hours

from bluenova_recorder.schema import prepare
from bluenova_tools.local import Database, free_port

IMAGE = "timescale/timescaledb:latest-pg17"
NAME = "bluenova-test-hypertable"
DOCUMENT = Path(__file__).parents[2] / "docs/database.md"
_numbers = count(1)
CHANGES = (
    "INSERT INTO battery_pack (insert_time_utc, mcu_id, soc, v_pack, i_pack) "
    "SELECT TIMESTAMP '2023-12-31 23:00:03' + n * INTERVAL '10 s', 7, n % 100, 53, n % 7 - 3 "
    "FROM generate_series(0, 700) AS n;"
    "UPDATE battery_pack SET soc = 3 WHERE soc = 4;"
    "DELETE FROM battery_pack WHERE soc BETWEEN 20 AND 22;"
)


def docker(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def server() -> Iterator[Database]:
    """TimescaleDB's own server."""
    if docker("image", "inspect", IMAGE).returncode and docker("pull", "-q", IMAGE).returncode:
        pytest.skip(f"no image {IMAGE} can be had")
    port = free_port()
    account = ("--env=POSTGRES_USER=homeauto", "--env=POSTGRES_PASSWORD=p")
    made = docker("run", "-d", "--name", NAME, *account, "-p", f"127.0.0.1:{port}:5432", IMAGE)
    assert made.returncode == 0, made.stderr
    database = Database("127.0.0.1", port, "homeauto", "homeauto", "p")

    def answers() -> bool:
        # It starts once for its own set-up, and then for good.
        with contextlib.suppress(psycopg2.OperationalError):
            return query(database, "SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'") != []
        return False

    try:
        eventually(answers, timeout_s=90)
        yield database
    finally:
        docker("rm", "--force", "--volumes", NAME)


@pytest.fixture
def database(server: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """An empty one, with the extension."""
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    name = f"hours_{next(_numbers)}"
    run(server, f"CREATE DATABASE {name}")
    made = dataclasses.replace(server, name=name)
    run(made, "CREATE EXTENSION IF NOT EXISTS timescaledb")
    return made


def run(database: Database, statement: str) -> None:
    """By itself, not in a transaction."""
    with contextlib.closing(database.connect()) as db, db.cursor() as cursor:
        db.autocommit = True
        cursor.execute(statement)


@pytest.mark.parametrize("way", ["from the start", "with rows", "converted"])
def test_hours_of_a_hypertable_are_what_its_rows_say(way: str, database: Database) -> None:
    if way == "from the start":
        run(database, f"CREATE TABLE battery_pack ({COLUMNS})")
        run(database, "SELECT create_hypertable('battery_pack', 'insert_time_utc')")
    else:
        run(database, C_PROGRAMS_TABLE)
    if way == "with rows":
        run(database, "SELECT create_hypertable('battery_pack', 'insert_time_utc', "
                      "migrate_data => true)")  # fmt: skip
    with contextlib.closing(database.connect()) as db:
        prepare(db)
    with contextlib.closing(keeper_in(database)) as keeper:
        assert keeper.work()
        hours = stored_hours(database)
        if way == "converted":
            run(database, marked_sql(DOCUMENT.read_text(encoding="utf-8"))["hypertable"])
            assert keeper.work()
            assert stored_hours(database) == hours
        query(database, CHANGES)
        assert keeper.work()
        assert differences(stored_hours(database), hours_of(rows_of(database))) == []
        assert_recomputed(database)
    with contextlib.closing(keeper_in(database, keep_days=5)) as keeper:
        assert keeper.work()
    assert query(database, "SELECT count(*) FROM battery_pack") == [(0,)]
    assert {hour["rows_removed"] for hour in stored_hours(database).values()} == {True}
