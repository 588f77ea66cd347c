"""What a battery does not say, what it says differently one day, and how it is forgotten."""

from collections.abc import Iterator

import pytest
from tests.homeassistant.live.house import INTERVAL_S, House
from tests.support.harness import Battery, Listener, collector, eventually

from bluenova_tools.local import Service

pytestmark = pytest.mark.timeout(600)

MCU_ID = "5EED0001"


@pytest.fixture(scope="module")
def battery() -> Iterator[Battery]:
    with Battery() as battery:
        yield battery


@pytest.fixture(scope="module", autouse=True)
def reader(house: House, battery: Battery) -> Iterator[Service]:
    service = collector(
        house.folder,
        battery_port=battery.port,
        mqtt_port=house.broker.port,
        name="collector-scripted",
        INTERVAL=INTERVAL_S,
        ENERGY_UNIT="Wh",
    )
    with service:
        yield service


def unique_id(key: str) -> str:
    return f"bluenova_{MCU_ID}_{key}"


def say_for(battery: Battery, house: House, lines: list[str], key: str, state: str) -> None:
    """Says the lines again and again, as a battery does, until Home Assistant shows the state."""

    def shown() -> bool:
        battery.say(f"MCU ID: {MCU_ID}", *lines)
        return house.home_assistant.state(unique_id(key)) == state

    eventually(shown, timeout_s=60)


def cells(house: House) -> int:
    return sum(u.startswith(unique_id("cell_v_")) for u in house.home_assistant.entities())


def test_what_a_battery_does_not_say_is_unknown(house: House, battery: Battery) -> None:
    say_for(battery, house, ["CellCount: 16", "SOC: 50"], "soc", "50")
    states = {
        u.removeprefix(unique_id("")): entity["state"]
        for u, entity in house.home_assistant.entities().items()
        if u.startswith(unique_id("")) and entity["disabled_by"] is None
    }
    told = {"soc", "cell_count", "connected", "bad_crc", "parse_fail", "bad_vcell"}
    figures = {"waiting", "dropped", "reconnects", "unreadable_lines"}
    assert {key for key, state in states.items() if state != "unknown"} - figures == told
    # The collector's figures come every half minute.
    eventually(lambda: house.home_assistant.state(unique_id("waiting")) != "unknown", timeout_s=40)


def test_a_value_that_is_said_once_becomes_unknown_again(house: House, battery: Battery) -> None:
    lines = ['Errors: "OVER TEMP"', "Current: -3.25", "SOC: 51"]
    say_for(battery, house, lines, "errors", "OVER TEMP")
    assert house.home_assistant.state(unique_id("problem")) == "on"
    assert house.home_assistant.state(unique_id("i_pack")) == "-3.25"
    for key in ("errors", "problem", "i_pack"):
        say_for(battery, house, ["SOC: 52"], key, "unknown")
    assert house.home_assistant.state(unique_id("soc")) == "52"


def test_the_energy_has_the_unit_that_is_set_and_stays(house: House, battery: Battery) -> None:
    pair = ["Write EnergyOut: 1234.5", "Write EnergyOut: 2345.5"]
    stored = ["DEBUG: CALC PACK_CHARGE, STORE IN FLASH", *pair]
    say_for(battery, house, stored, "energy_in", "2345.5")
    say_for(battery, house, ["SOC: 53"], "soc", "53")
    entity = house.home_assistant.entities()[unique_id("energy_out")]
    assert entity["state"] == "1234.5"
    assert entity["attributes"]["unit_of_measurement"] == "Wh"


def test_cells_that_drift_apart_ring_until_they_are_well_together(
    house: House, battery: Battery
) -> None:
    for highest, state in ((3350, "off"), (3400, "on"), (3385, "on"), (3379, "off")):
        spread = f"{(highest - 3300) / 1000}"
        lines = ["Vc_min: 3300", f"Vc_max: {highest}"]
        say_for(battery, house, lines, "cell_delta", spread)
        assert house.home_assistant.state(unique_id("cell_spread_alarm")) == state


def test_cells_that_are_no_more_go_and_come_back(house: House, battery: Battery) -> None:
    assert cells(house) == 16
    for count in (8, 16):
        say_for(battery, house, [f"CellCount: {count}"], "cell_count", str(count))

        def has_so_many(count: int = count) -> bool:
            battery.say(f"MCU ID: {MCU_ID}", f"CellCount: {count}")
            return cells(house) == count

        eventually(has_so_many, timeout_s=60)


def test_a_battery_that_is_forgotten_is_gone(
    house: House, battery: Battery, reader: Service
) -> None:
    assert not house.home_assistant.complaints()
    reader.terminate()
    broker = {"MQTT_HOST": "127.0.0.1", "MQTT_PORT": str(house.broker.port)}
    arguments = ["forget", MCU_ID.lower()]
    with Service("bluenova_collector", arguments, environment=broker) as forgetting:
        assert forgetting.wait() == 0
    eventually(lambda: f"BlueNova {MCU_ID}" not in house.home_assistant.devices(), timeout_s=20)
    with Listener(house.broker, "bluenova/#") as listener:
        house.wait_until_live()
        assert not [m.topic for m in listener.heard if m.retain and MCU_ID in m.topic]
    assert len(house.home_assistant.devices()) == 2


def test_none_of_this_made_home_assistant_complain(house: House) -> None:
    # 2025.4 empties the topic itself, once for each disabled entity that goes with a device, and
    # wonders then why there is nothing left to remove.
    own = "No device components to cleanup"
    assert not [line for line in house.home_assistant.complaints() if own not in line]
