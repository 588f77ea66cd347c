"""Real peers for every test: a broker of its own, and an empty database of its own."""

from collections.abc import Iterator
from itertools import count

import pytest

from bluenova_recorder.account import Account
from bluenova_recorder.store import Store
from bluenova_shared.topics import Topics
from bluenova_tools.local import Database, Mosquitto, Postgres
from bluenova_tools.local import free_port as find_free_port

_numbers = count(1)


@pytest.fixture
def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    return find_free_port()


@pytest.fixture
def mosquitto() -> Iterator[Mosquitto]:
    """A broker for this test alone; it may be killed and restarted."""
    with Mosquitto() as broker:
        yield broker


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for all tests: not to be stopped. For that, a test starts its own."""
    with Postgres(fast=True) as server:
        yield server


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    """An empty database for this test alone."""
    name = f"test_{next(_numbers)}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture
def store(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store of a recorder, not yet connected."""
    for name, value in database.environment().items():
        monkeypatch.setenv(name, value)
    one = Store(Account(database.name, database.user, database.password), Topics())
    yield one
    one.close()
