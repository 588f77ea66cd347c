"""What docs/database.md says can be asked is answered, to an account that may only read."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from psycopg2 import extensions as pg
from tests.support.harness import query
from tests.support.questions import cells, fill_hours, insert, make_tables, rows

from bluenova_tools.local import Database, Postgres

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/database.md").read_text(encoding="utf-8")
MARKED = re.compile(r"<!-- run by tests/docs: (\w+) -->\n```sql\n(.*?)^```$", re.M | re.S)
EXAMPLES = dict(MARKED.findall(TEXT))
MADE = re.compile(r"^CREATE OR REPLACE (?:VIEW|FUNCTION) (\w+)", re.M)


@pytest.fixture(scope="module")
def reader(postgres: Postgres) -> Iterator[pg.connection]:
    """A connection of the account `dashboard`, as postgres/roles.sql has it."""
    database = postgres.create_database("documented")
    query(
        database,
        f"CREATE ROLE dashboard LOGIN PASSWORD '{database.password}';"
        "ALTER ROLE dashboard SET default_transaction_read_only = on;"
        "REVOKE ALL ON DATABASE documented FROM PUBLIC;"
        "GRANT CONNECT ON DATABASE documented TO dashboard;"
        "GRANT USAGE ON SCHEMA public TO dashboard;"
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO dashboard;",
    )
    make_tables(database)
    ago = datetime.now(UTC).replace(tzinfo=None, microsecond=0) - timedelta(hours=8)
    insert(
        database,
        rows(
            2500, start=ago, mcu_id=439041101, v_pack=52.0, soc=lambda n: 100 - n // 25,
            i_pack=lambda n: 0.5 if n < 99 else -30.0 - 30 * (n % 40 > 20) if n < 2400 else -5,
            energy_in=lambda n: 100 + n / 1000, energy_out=50, temp=20, errors="", breaker="CLOSED",
            system_state="DISCHARGE",
            **cells(3.3, 3.31) | {"v_cell_max": lambda n: 3.5 if n < 99 else 3.3,
                                  "v_cell_min": lambda n: 2.9 if n > 2450 else 3.25,
                                  "cell_01_v": lambda n: 3.3 - 0.05 * (n % 40 > 20),
                                  "cell_02_v": lambda n: 3.31 - 0.06 * (n % 40 > 20)},
        ),
    )  # fmt: skip
    query(database, "DELETE FROM battery_pack WHERE soc = 50 AND i_pack = -30")
    fill_hours(database)
    as_reader: Database = replace(database, user="dashboard")
    with closing(as_reader.connect()) as db:
        yield db
    postgres.drop_database(database.name)
    with closing(postgres.connect()) as db, db, db.cursor() as cursor:
        cursor.execute("DROP ROLE dashboard")


@pytest.mark.services
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_answered(name: str, reader: pg.connection) -> None:
    for statement in filter(str.strip, EXAMPLES[name].split(";")):
        with reader, reader.cursor() as cursor:
            cursor.execute(statement)
            found = cursor.fetchall()
        assert found, statement
        assert any(value is not None for row in found for value in row), statement


def test_all_that_can_be_asked_is_told_of_with_an_example() -> None:
    asked = {
        name
        for file in (ROOT / "sql").glob("02*.sql")
        for name in MADE.findall(file.read_text(encoding="utf-8"))
    } - {"battery_pack_bucket_s"}
    assert len(asked) == 11
    shown = "".join(EXAMPLES.values())
    assert {name for name in asked if name not in shown} == set()
