"""A database with the tables, and one with twenty days of two batteries."""

from collections.abc import Iterator

import pytest
from tests.support.harness import query
from tests.support.questions import fill_hours, make_tables

from bluenova_tools.local import Database, Postgres
from bluenova_tools.years.generator import generate
from bluenova_tools.years.plan import Size


@pytest.fixture
def tables(database: Database) -> Database:
    """An empty database with all that a recorder makes."""
    make_tables(database)
    return database


@pytest.fixture(scope="session")
def year(postgres: Postgres) -> Iterator[Database]:
    """Two batteries, of 16 and of 8 cells, and twenty days; not to be written to."""
    database = postgres.create_database("twenty_days")
    make_tables(database)
    generate(database, Size(batteries=2, days=20))
    query(database, "ANALYZE battery_pack")
    fill_hours(database)
    yield database
    postgres.drop_database(database.name)
