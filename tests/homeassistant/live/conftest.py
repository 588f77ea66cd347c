"""One Home Assistant, one broker and two batteries for each module of this folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.chain.parts import collector, eventually
from tests.homeassistant.live.instance import HomeAssistant, other_root
from tests.homeassistant.live.network import isolate

from bluenova_tools.local import Mosquitto, Service
from bluenova_tools.local import free_port as find_free_port

INTERVAL_S = 2
SILENCE_S = 6


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave these to `make test-ha`, which names the folder: they need a Home Assistant."""
    here = Path(__file__).parent
    named = (config.invocation_params.dir / arg.split("::")[0] for arg in config.args)
    return None if any(path.resolve().is_relative_to(here) for path in named) else True


@dataclass
class Unit:
    """A simulated battery and its collector."""

    mcu_id: str
    cells: int
    battery: Service
    collector: Service

    def id(self, key: str) -> str:
        """An entity's unique id."""
        return f"bluenova_{self.mcu_id}_{key}"


@dataclass
class House:
    """All that runs."""

    broker: Mosquitto
    units: list[Unit]
    home_assistant: HomeAssistant
    folder: Path

    def states(self, unit: Unit, keys: list[str]) -> list[str]:
        """The states of a battery's entities."""
        entities = self.home_assistant.entities()
        return [str(entities[unit.id(key)]["state"]) for key in keys]

    def is_live(self, unit: Unit) -> bool:
        """Whether no enabled entity of the battery is unavailable or unknown."""
        states = [
            entity["state"]
            for unique_id, entity in self.home_assistant.entities().items()
            if unique_id.startswith(unit.id("")) and entity["disabled_by"] is None
        ]
        return bool(states) and not {"unavailable", "unknown", None} & set(states)

    def wait_until_live(self, *, timeout_s: float = 90) -> None:
        """Waits until all batteries are live."""
        eventually(lambda: all(map(self.is_live, self.units)), timeout_s=timeout_s)


@pytest.fixture(scope="session", autouse=True)
def alone() -> None:
    """Keeps everything that the tests start off the network, where we may."""
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
        units = [_unit(folder, broker, "1A2B3C4D", 16), _unit(folder, broker, "0BADCAFE", 8)]
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


def _unit(folder: Path, broker: Mosquitto, mcu_id: str, cells: int) -> Unit:
    port = find_free_port()
    battery = Service(
        "bluenova_tools.simulator",
        f"--port {port} --cells {cells} --mcu-id {mcu_id} --line-interval 0.01".split(),
        folder=folder,
        name=f"battery-{mcu_id}",
    )
    own = collector(
        folder,
        battery_port=port,
        mqtt_port=broker.port,
        name=f"collector-{mcu_id}",
        INTERVAL=INTERVAL_S,
        SILENCE_S=SILENCE_S,
    )
    return Unit(mcu_id, cells, battery, own)
