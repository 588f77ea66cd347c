"""Each broker in turn, and what was measured on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.brokers.kinds import KINDS, Broker, Made, mosquitto_version
from tests.support.collecting import is_named

from bluenova_tools.local import Database, Mosquitto, Postgres

_facts: list[str] = []


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave these to `make test-brokers`, which names the folder: it makes the brokers first."""
    return None if is_named(Path(__file__).parent, config) else True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured."""
    if _facts:
        terminalreporter.section("measured")
        for fact in _facts:
            terminalreporter.write_line(fact)


@pytest.fixture(scope="session")
def facts() -> list[str]:
    """Lines for the end of the report."""
    return _facts


@pytest.fixture(params=["mosquitto", *(kind.name for kind in KINDS)])
def named_broker(request: pytest.FixtureRequest) -> Iterator[tuple[str, Broker]]:
    """A broker that is up, with its name and version; skipped if it cannot be had here."""
    if request.param == "mosquitto":
        with Mosquitto(persistent=True) as mosquitto:
            yield f"Mosquitto {mosquitto_version()}", mosquitto
        return
    (kind,) = (kind for kind in KINDS if kind.name == request.param)
    if reason := kind.why_not():
        pytest.skip(f"{kind.name}: {reason}")
    with Made(kind) as broker:
        yield f"{kind.name} {kind.version}", broker


@pytest.fixture
def tables() -> Iterator[Database]:
    """A database that knows when each row was committed."""
    with Postgres(fast=True, config={"track_commit_timestamp": "on"}) as server:
        yield server.database()
