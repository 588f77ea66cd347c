"""A database with a year of two batteries, of 16 and of 8 cells, and who may only read it."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from tests.support.grafana import Reader
from tests.support.harness import query
from tests.support.questions import fill_hours, make_tables
from tests.support.year_of_hours import repeat_hours

from bluenova_tools.local import Database, Postgres
from bluenova_tools.years.generator import generate
from bluenova_tools.years.plan import Size

DAYS = 12
# With it both batteries are once discharged from full to empty, so that their capacity is known.
SEED = 12


def _reader(database: Database) -> Iterator[Reader]:
    """Asks as an account does that has the rights of `grafana` in postgres/roles.sql."""
    query(
        database,
        """
        DO $$ BEGIN CREATE ROLE grafana_reader; EXCEPTION WHEN duplicate_object THEN END $$;
        GRANT USAGE ON SCHEMA public TO grafana_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO grafana_reader;
        """,
    )
    with contextlib.closing(database.connect()) as db:
        with db, db.cursor() as cursor:
            cursor.execute("SET ROLE grafana_reader; SET default_transaction_read_only = on")
        yield Reader(db)
    query(database, "DROP OWNED BY grafana_reader")


@pytest.fixture(scope="session")
def end() -> datetime:
    """When the rows end: now, to the day, as pages ask for the time until now."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=1)


@pytest.fixture(scope="session")
def filled(postgres: Postgres, end: datetime) -> Iterator[Reader]:
    """Twelve days of rows, today the last of them, and before them hours: a year, in which rows are
    kept for twelve days.
    """
    database = postgres.create_database("for_grafana")
    make_tables(database)
    first: date = (end - timedelta(days=DAYS)).date()
    generate(database, Size(batteries=2, days=DAYS, first_day=first, seed=SEED))
    query(database, "ANALYZE battery_pack")
    fill_hours(database)
    repeat_hours(database, DAYS, times=30)
    yield from _reader(database)
    postgres.drop_database(database.name)


@pytest.fixture(scope="session")
def empty(postgres: Postgres) -> Iterator[Reader]:
    """A database in which a recorder has made the tables, and nothing is recorded yet."""
    database = postgres.create_database("empty_for_grafana")
    make_tables(database)
    yield from _reader(database)
    postgres.drop_database(database.name)
