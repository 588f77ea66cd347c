"""An installation that knows a battery from one long message: the parts take its place, unseen."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.homeassistant.live.house import House, Unit, unit
from tests.support.harness import Listener, eventually

from bluenova_collector.homeassistant.discovery import Describer
from bluenova_shared.topics import Topics

pytestmark = pytest.mark.timeout(600)

MCU_ID = "5EED0002"
TOPICS = Topics()


@pytest.fixture(scope="module")
def upgraded(house: House) -> Iterator[Unit]:
    """A battery whose collector does not run yet."""
    it = unit(house.folder, house.broker, MCU_ID, 16)
    with it.battery:
        yield it
    it.collector.close()


def one_message() -> tuple[str, int]:
    """The discovery as it was, all in one message, and how many entities it has."""
    describer = Describer(TOPICS, "0ld0ne00", "0.0.9", 10, "kWh")
    told: dict[str, Any] = {}
    components: dict[str, Any] = {}
    for message in describer.discovery(MCU_ID, 16):
        part = json.loads(message.payload)
        said = {key: part.pop(key) for key in ("stat_t", "avty")}
        components |= {key: said | component for key, component in part.pop("cmps").items()}
        told |= part
    return json.dumps(told | {"cmps": components}), len(components)


def known(house: House, it: Unit) -> dict[str, tuple[str, ...]]:
    """What Home Assistant has registered of each entity, and what its owner chose."""
    chosen = ("id", "entity_id", "name", "icon", "area_id", "disabled_by", "original_name")
    return {
        unique_id: tuple(str(entity[key]) for key in chosen)
        for unique_id, entity in house.home_assistant.entities().items()
        if unique_id.startswith(it.id(""))
    }


def is_taken_in(house: House, unique_id: str) -> bool:
    """Whether the entity is a sensor, and not merely one that is remembered."""
    entity = house.home_assistant.entities()[unique_id]
    return entity["state"] is not None and not entity["attributes"].get("restored")


def test_an_upgrade_keeps_each_entity_and_what_its_owner_chose(
    house: House, upgraded: Unit
) -> None:
    call = house.home_assistant.api.call
    message, count = one_message()
    with Listener(house.broker) as listener:
        listener.publish(TOPICS.availability(MCU_ID), "online", retain=True)
        listener.publish(TOPICS.collector("0ld0ne00"), "online", retain=True)
        listener.publish(TOPICS.discovery(MCU_ID), message, retain=True)
    eventually(lambda: len(known(house, upgraded)) == count, timeout_s=30)
    device = house.home_assistant.devices()[f"BlueNova {MCU_ID}"]
    entities = house.home_assistant.entities()
    charge, cell = entities[upgraded.id("soc")], entities[upgraded.id("cell_t_01")]
    update = "config/entity_registry/update"
    call(update, entity_id=charge["entity_id"], name="How full", new_entity_id="sensor.full")
    call(update, entity_id=cell["entity_id"], disabled_by=None, icon="mdi:fire")
    # Half a minute later it takes in what was enabled.
    eventually(lambda: is_taken_in(house, upgraded.id("cell_t_01")), timeout_s=90)
    before = known(house, upgraded)

    upgraded.collector.start()
    eventually(lambda: house.is_live(upgraded), timeout_s=60)
    time.sleep(5)
    assert known(house, upgraded) == before
    assert house.home_assistant.devices()[f"BlueNova {MCU_ID}"]["id"] == device["id"]
    assert not house.home_assistant.complaints()


def test_nor_does_a_restart_of_the_collector_show(house: House, upgraded: Unit) -> None:
    before = known(house, upgraded)
    upgraded.collector.restart()
    for _ in range(60):
        assert "unavailable" not in house.states(upgraded, ["soc", "cell_t_01", "v_pack"])
        time.sleep(0.25)
    assert known(house, upgraded) == before
    assert not house.home_assistant.complaints()


def test_nor_does_one_of_home_assistant(house: House, upgraded: Unit) -> None:
    before = known(house, upgraded)
    house.home_assistant.stop()
    house.home_assistant.start()
    eventually(lambda: house.is_live(upgraded), timeout_s=60)
    time.sleep(5)
    assert known(house, upgraded) == before
    assert not house.home_assistant.complaints()
    with Listener(house.broker, f"homeassistant/device/bluenova_{MCU_ID}/config") as listener:
        assert eventually(lambda: listener.heard)[0].payload == b'{"migr_discvry":true}'
