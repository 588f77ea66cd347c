"""What a person gets to see: both batteries as devices, complete, and not one warning."""

import json
from typing import Any

import pytest
from tests.homeassistant.live.house import House, Unit
from tests.support.harness import Listener, eventually

from bluenova_collector.homeassistant.discovery import PARTS
from bluenova_shared.topics import Topics

pytestmark = pytest.mark.timeout(600)

SHOWN = {
    "device_class": "dev_cla",
    "unit_of_measurement": "unit_of_meas",
    "state_class": "stat_cla",
    "icon": "ic",
}


def published(house: House, unit: Unit) -> dict[str, dict[str, Any]]:
    """The battery's sensors by unique id, as the broker keeps them."""
    topics = {Topics().discovery(unit.mcu_id, part) for part in PARTS}
    with Listener(house.broker, "homeassistant/device/+/config") as listener:
        eventually(lambda: topics <= {message.topic for message in listener.heard}, timeout_s=10)
        parts = [json.loads(m.payload) for m in listener.heard if m.topic in topics]
    told = [sensor for part in parts for sensor in part["cmps"].values()]
    return {sensor["uniq_id"]: sensor for sensor in told if "uniq_id" in sensor}


def test_each_battery_is_a_device(house: House) -> None:
    devices = house.home_assistant.devices()
    assert set(devices) == {f"BlueNova {unit.mcu_id}" for unit in house.units}
    for unit in house.units:
        device = devices[f"BlueNova {unit.mcu_id}"]
        assert device["manufacturer"] == "BlueNova"
        assert device["serial_number"] == unit.mcu_id


def test_all_that_is_published_arrives_as_it_was_meant(house: House) -> None:
    entities = house.home_assistant.entities()
    for unit in house.units:
        wanted = published(house, unit)
        assert {u for u in entities if u.startswith(unit.id(""))} == set(wanted)
        for unique_id, sensor in wanted.items():
            entity = entities[unique_id]
            assert entity["original_name"] == sensor["name"]
            assert entity["entity_category"] == sensor.get("ent_cat")
            disabled = None if sensor.get("en", True) else "integration"
            assert entity["disabled_by"] == disabled
            if disabled is None:
                shown = entity["attributes"]
                for key, short in SHOWN.items():
                    assert shown.get(key) == sensor.get(short), unique_id


def test_a_battery_has_as_many_cells_as_it_says(house: House) -> None:
    entities = house.home_assistant.entities()
    for unit in house.units:
        cells = [u for u in entities if u.startswith(unit.id("cell_v_"))]
        assert len(cells) == unit.cells
        assert house.states(unit, ["cell_count"]) == [str(unit.cells)]


def test_the_values_are_the_battery_s(house: House) -> None:
    unit = house.units[0]
    names = ["v_pack", "soc", "power", "errors", "problem", "connected", "cell_spread_alarm"]
    voltage, charge, _, errors, problem, connected, spread = house.states(unit, names)
    assert 48 < float(voltage) < 60
    assert 50 <= int(charge) <= 70
    assert (errors, problem, connected, spread) == ("none", "off", "on", "off")
    lowest, highest = house.states(unit, ["cell_lowest", "cell_highest"])
    assert {int(lowest), int(highest)} <= set(range(1, 17))


def test_home_assistant_has_nothing_to_complain_about(house: House) -> None:
    assert not house.home_assistant.complaints()
    issues = house.home_assistant.api.call("repairs/list_issues")["issues"]
    assert not [issue for issue in issues if issue["domain"] == "mqtt"]
