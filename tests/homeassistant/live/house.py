"""What a module's tests run: a Home Assistant, a broker, and two batteries with collectors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.homeassistant.live.instance import HomeAssistant
from tests.support.harness import collector, eventually

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
