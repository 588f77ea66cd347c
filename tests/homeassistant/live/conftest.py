"""One Home Assistant, one broker and two batteries for each module of this folder."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.homeassistant.live.house import House, unit
from tests.homeassistant.live.instance import HomeAssistant, other_root
from tests.homeassistant.live.network import isolate
from tests.support.collecting import is_named

from bluenova_tools.local import Mosquitto


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave these to `make test-ha`, which names the folder: they need a Home Assistant."""
    return None if is_named(Path(__file__).parent, config) else True


@pytest.fixture(scope="session", autouse=True)
def alone() -> None:
    """Keeps everything that the tests start off the network, if we may."""
    isolate(other_root())


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where the module's programs work; within the other system, if there is one."""
    within = other_root()
    with tempfile.TemporaryDirectory(prefix="bluenova-ha-", dir=within and within / "tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def configuration() -> str:
    """More lines for Home Assistant's configuration; a module may say otherwise."""
    return ""


@pytest.fixture(scope="module")
def house(folder: Path, configuration: str) -> Iterator[House]:
    """A 16-cell and an 8-cell battery, read and shown."""
    with Mosquitto(persistent=True) as broker:
        units = [unit(folder, broker, "1A2B3C4D", 16), unit(folder, broker, "0BADCAFE", 8)]
        services = [service for unit in units for service in (unit.battery, unit.collector)]
        try:
            for service in services:
                service.start()
            with HomeAssistant(
                folder / "ha", broker.port, configuration, other_root()
            ) as home_assistant:
                house = House(broker, units, home_assistant, folder)
                house.wait_until_live()
                yield house
        finally:
            for service in services:
                service.close()
