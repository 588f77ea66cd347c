"""What a collector keeps on disk: it goes on where an earlier run of the same battery ended."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.harness import MCU_ID, Battery, Listener, collector, eventually

from bluenova_tools.local import Mosquitto, Service

pytestmark = pytest.mark.services

ARM = "DEBUG: CALC PACK_CHARGE, STORE IN FLASH"
WHO_AND_HOW_MUCH = (f"MCU ID: {MCU_ID}", ARM, "Write EnergyOut: 7", "Write EnergyOut: 8", "SOC: 1")


@pytest.fixture(scope="module")
def broker() -> Iterator[Mosquitto]:
    with Mosquitto() as one:
        yield one


class Runs:
    """Collectors one after the other, with one outbox, and what they publish."""

    def __init__(self, folder: Path, broker: Mosquitto, listener: Listener) -> None:
        self.folder = folder
        self.broker = broker
        self.listener = listener

    def start(self, battery: Battery, **settings: Any) -> Service:
        return collector(
            self.folder,
            battery_port=battery.port,
            mqtt_port=self.broker.port,
            TOPIC_ROOT=self.folder.name,
            **settings,
        )

    def hear(self, battery: Battery, service: Service, *lines: str) -> dict[str, Any]:
        """The first snapshot after the battery has said this."""
        service.wait_for_line("Connected to the MQTT broker", timeout_s=20)
        before = len(self.snapshots())
        battery.say(*lines)
        return eventually(lambda: self.snapshots()[before:])[0]

    def snapshots(self) -> list[dict[str, Any]]:
        return [
            json.loads(message.payload)
            for message in self.listener.heard
            if message.topic.startswith(f"{self.folder.name}/")
            and message.topic.endswith("/snapshot")
        ]

    def names(self) -> set[str]:
        """The collectors' own names that have been heard."""
        start = f"{self.folder.name}/collector/"
        topics = [m.topic for m in self.listener.heard]
        return {topic.removeprefix(start) for topic in topics if topic.startswith(start)}


@pytest.fixture
def runs(broker: Mosquitto, tmp_path: Path) -> Iterator[Runs]:
    with Listener(broker) as listener:
        yield Runs(tmp_path, broker, listener)


@pytest.mark.parametrize("how", ["killed", "ended"])
def test_a_collector_that_was_started_again_knows_its_battery(how: str, runs: Runs) -> None:
    with Battery() as battery:
        with runs.start(battery) as service:
            first = runs.hear(battery, service, *WHO_AND_HOW_MUCH)
            assert (first["energy_out"], first["energy_in"]) == (7, 8)
            if how == "ended":
                assert service.terminate() == 0
            else:
                service.kill()
        with runs.start(battery) as service:
            second = runs.hear(battery, service, "SOC: 2")
    assert (second["mcu_id"], second["soc"]) == (MCU_ID, 2)
    assert (second["energy_out"], second["energy_in"]) == (7, 8)
    assert second["time"] > first["time"]
    assert len(runs.names()) == 1, "one name for ever"
    assert (runs.folder / "collector.sqlite").exists()


def test_a_collector_that_was_started_again_knows_its_batterys_cells(runs: Runs) -> None:
    ends = ("C15) T: 20, V: 0", "C16) T: 20, V: 0")
    with Battery() as battery:
        with runs.start(battery) as service:
            first = runs.hear(battery, service, f"MCU ID: {MCU_ID}", *ends)
            assert first["cell_v"][14:] == [None, None], "nobody knows yet"
            second = runs.hear(battery, service, "CellCount: 15", *ends)
            assert second["cell_v"][14:] == [0, None]
            service.kill()
        with runs.start(battery) as service:
            third = runs.hear(battery, service, *ends)
            assert third["cell_v"][14:] == [0, None]
        with Battery() as other, runs.start(other) as service:
            fourth = runs.hear(other, service, f"MCU ID: {MCU_ID}", *ends)
            assert fourth["cell_v"][14:] == [None, None], "another battery"


@pytest.mark.parametrize("what", ["host", "port"])
def test_another_battery_starts_without_what_was_remembered(what: str, runs: Runs) -> None:
    with Battery() as battery:
        with runs.start(battery) as service:
            runs.hear(battery, service, *WHO_AND_HOW_MUCH)
        if what == "host":
            with runs.start(battery, BATTERY_HOST="localhost") as service:
                second = hear_nameless_then_named(runs, battery, service)
        else:
            with Battery() as other, runs.start(other) as service:
                second = hear_nameless_then_named(runs, other, service)
    assert second["mcu_id"] == "0000BEEF"
    assert (second["energy_out"], second["energy_in"]) == (None, None)


def hear_nameless_then_named(runs: Runs, battery: Battery, service: Service) -> dict[str, Any]:
    """The first snapshot, which does not come before the battery has been named anew."""
    service.wait_for_line("Connected to the MQTT broker", timeout_s=20)
    before = len(runs.snapshots())
    battery.say("SOC: 2")
    time.sleep(2.2)
    assert len(runs.snapshots()) == before, "nobody's snapshot"
    return runs.hear(battery, service, "MCU ID: BEEF")


@pytest.mark.parametrize(
    "damage", [b"this is no database at all" * 500, b"SQLite format 3\0" + b"\xff" * 8000]
)
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(damage: bytes, runs: Runs) -> None:
    path = runs.folder / "collector.sqlite"
    path.write_bytes(damage)
    with Battery() as battery, runs.start(battery) as service:
        assert runs.hear(battery, service, *WHO_AND_HOW_MUCH)["soc"] == 1
        told = [line for line in service.lines() if "damaged" in line]
        assert len(told) == 1
        assert str(path) in told[0]
    (aside,) = runs.folder.glob("collector.sqlite.damaged-*[Z0-9]")
    assert aside.read_bytes() == damage
    assert str(aside) in told[0]


def test_a_second_collector_on_the_same_file_is_refused_and_the_first_goes_on(runs: Runs) -> None:
    with Battery() as battery, runs.start(battery) as first:
        runs.hear(battery, first, *WHO_AND_HOW_MUCH)
        second = collector(
            runs.folder,
            battery_port=battery.port,
            mqtt_port=runs.broker.port,
            name="second",
            OUTBOX_PATH=runs.folder / "collector.sqlite",
        )
        with second:
            assert second.wait(timeout_s=20) == 1
            (told,) = [line for line in second.lines() if "OUTBOX_PATH" in line]
            assert str(runs.folder / "collector.sqlite") in told
            assert "one for each collector" in told
        assert runs.hear(battery, first, "SOC: 3")["soc"] == 3
