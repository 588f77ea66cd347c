"""What a person gets to see: both batteries as devices, complete, and not one warning."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.homeassistant.live.house import House, Unit
from tests.support.harness import Listener, eventually

pytestmark = pytest.mark.timeout(600)


def published(house: House, unit: Unit) -> dict[str, Any]:
    """The battery's discovery, as the broker keeps it."""
    topic = f"homeassistant/device/bluenova_{unit.mcu_id}/config"
    with Listener(house.broker, topic) as listener:
        eventually(lambda: listener.payloads(topic), timeout_s=10)
        payload: dict[str, Any] = json.loads(listener.payloads(topic)[0])
    return payload


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
        components = published(house, unit)["components"]
        wanted = {c["unique_id"]: c for c in components.values() if "unique_id" in c}
        assert {u for u in entities if u.startswith(unit.id(""))} == set(wanted)
        for unique_id, component in wanted.items():
            entity = entities[unique_id]
            assert entity["original_name"] == component["name"]
            assert entity["entity_category"] == component.get("entity_category")
            disabled = None if component.get("enabled_by_default", True) else "integration"
            assert entity["disabled_by"] == disabled
            if disabled is None:
                shown = entity["attributes"]
                for key in ("device_class", "unit_of_measurement", "state_class", "icon"):
                    assert shown.get(key) == component.get(key), unique_id


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
