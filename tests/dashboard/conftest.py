"""Three days of two batteries until now, and the page at work on them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.harness import query
from tests.support.page import Page, serving
from tests.support.questions import fill_hours, make_tables

from bluenova_tools.local import Database, Postgres
from bluenova_tools.years.generator import generate
from bluenova_tools.years.plan import Size


@pytest.fixture(scope="session")
def history(postgres: Postgres) -> Iterator[Database]:
    """Two batteries, of 16 and of 8 cells, and the last three days; not to be written to."""
    database = postgres.create_database("three_days")
    make_tables(database)
    first_day = datetime.now(UTC).date() - timedelta(days=2)
    generate(database, Size(batteries=2, days=3, first_day=first_day))
    query(database, "DELETE FROM battery_pack WHERE insert_time_utc > now() AT TIME ZONE 'UTC'")
    fill_hours(database)
    yield database
    postgres.drop_database(database.name)


@pytest.fixture(scope="session")
def page(history: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page on these days."""
    with serving(history, tmp_path_factory.mktemp("page")) as served:
        yield served
