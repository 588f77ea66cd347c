"""What a module's tests run: a Home Assistant, a broker, and two batteries with collectors."""

import json
from dataclasses import dataclass
from pathlib import Path

from tests.homeassistant.live.instance import HomeAssistant
from tests.support.harness import collector, eventually

from bluenova_collector.homeassistant.discovery import Describer
from bluenova_shared.topics import Topics
from bluenova_tools.local import Mosquitto, Service, free_port

INTERVAL_S = 2
SILENCE_S = 6


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
        """Whether all of the battery's entities are there, and none is unavailable or unknown."""
        entities = self.home_assistant.entities()
        if not all_unique_ids(unit) <= set(entities):
            return False
        states = {
            entity["state"]
            for unique_id, entity in entities.items()
            if unique_id.startswith(unit.id("")) and entity["disabled_by"] is None
        }
        return not {"unavailable", "unknown", None} & states

    def wait_until_live(self, *, timeout_s: float = 90) -> None:
        """Waits until all batteries are live."""
        eventually(lambda: all(map(self.is_live, self.units)), timeout_s=timeout_s)


def all_unique_ids(unit: Unit) -> set[str]:
    """The unique ids of all that is announced of a battery."""
    announced = Describer(Topics(), "any", "any", INTERVAL_S, "kWh")
    parts = [json.loads(m.payload)["cmps"] for m in announced.discovery(unit.mcu_id, unit.cells)]
    return {c["uniq_id"] for part in parts for c in part.values() if "uniq_id" in c}


def unit(folder: Path, broker: Mosquitto, mcu_id: str, cells: int) -> Unit:
    port = free_port()
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
