"""Three days of two batteries until now, and the page at work on them."""

from collections.abc import Iterator

import pytest
from tests.support.page import Page, serving, three_days

from bluenova_tools.local import Database, Postgres


@pytest.fixture(scope="session")
def history(postgres: Postgres) -> Iterator[Database]:
    """Two batteries, of 16 and of 8 cells, and the last three days; not to be written to."""
    with three_days(postgres) as database:
        yield database


@pytest.fixture(scope="session")
def page(history: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page on these days."""
    with serving(history, tmp_path_factory.mktemp("page")) as served:
        yield served
