"""The demo's stack for all tests of this folder, as `docker compose --profile demo up` makes it."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.collecting import is_named
from tests.support.harness import eventually
from tests.support.stack import Stack

from bluenova_tools.local import free_port as find_free_port

_facts: list[str] = []


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave these to `make test-compose`, which names the folder: they need a Docker engine."""
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


@pytest.fixture(scope="session")
def port() -> int:
    """The broker's port on this machine."""
    return find_free_port()


@pytest.fixture(scope="session")
def stack(port: int) -> Iterator[Stack]:
    """The stack with a simulated battery. No BATTERY_HOST: the demo needs no setting."""
    stack = Stack(f"bluenova-test-{os.getpid()}", MQTT_PORT=str(port), INTERVAL="1")
    try:
        began_s = time.monotonic()
        stack.compose("build")
        _facts.append(f"images built in {time.monotonic() - began_s:.0f} s")
        began_s = time.monotonic()
        _facts.append(f"all healthy {stack.up():.0f} s after `up`")
        eventually(lambda: stack.rows() > 0, timeout_s=120)
        _facts.append(f"first row {time.monotonic() - began_s:.0f} s after `up`")
        yield stack
    finally:
        stack.down()
