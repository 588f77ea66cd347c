"""A recorder at work, for the tests of a module, and its store alone."""

from collections.abc import Iterator

import pytest
from tests.support.recording import Recording, record

from bluenova_recorder.account import Account
from bluenova_recorder.store import Store
from bluenova_shared.topics import Topics
from bluenova_tools.local import Database, Postgres


@pytest.fixture(scope="module")
def recording(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    with record(postgres, tmp_path_factory) as one:
        yield one


@pytest.fixture
def store(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store of a recorder, not yet connected."""
    for name, value in database.environment().items():
        monkeypatch.setenv(name, value)
    one = Store(Account(database.name, database.user, database.password), Topics())
    yield one
    one.close()
