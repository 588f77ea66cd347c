"""Whatever ends and comes back, in any order: no value looks live that is not, nor the reverse."""

import time
from collections.abc import Iterator

import pytest
from tests.homeassistant.live.house import SILENCE_S, House, Unit
from tests.support.harness import Listener, eventually

from bluenova_collector.homeassistant.discovery import LIVES_AT_LEAST_S, PARTS
from bluenova_shared.topics import Topics

pytestmark = pytest.mark.timeout(600)

VALUES = ["soc", "v_pack", "cell_v_01", "errors", "problem", "energy_in"]
FIGURES = ["waiting", "reconnects", "unreadable_lines"]
# What the broker, Home Assistant and a busy machine may take on top of a stated time.
SLACK_S = 10


@pytest.fixture(autouse=True)
def quiet(house: House) -> Iterator[None]:
    """Each test begins with all alive, and none may make Home Assistant complain."""
    house.wait_until_live()
    yield
    house.wait_until_live()
    assert not house.home_assistant.complaints()


def all_are(house: House, unit: Unit, keys: list[str], state: str) -> bool:
    return set(house.states(unit, keys)) == {state}


def test_a_battery_switched_off_is_unavailable_and_its_collector_is_not(house: House) -> None:
    unit = house.units[0]
    unit.battery.freeze()
    try:
        timeout_s = SILENCE_S + SLACK_S
        eventually(lambda: all_are(house, unit, VALUES, "unavailable"), timeout_s=timeout_s)
        assert "unavailable" not in house.states(unit, FIGURES)
        eventually(
            lambda: house.states(unit, ["connected"]) == ["off"],
            timeout_s=LIVES_AT_LEAST_S + SLACK_S,
        )
        assert house.is_live(house.units[1])
    finally:
        unit.battery.resume()
    eventually(lambda: house.states(unit, ["connected"]) == ["on"], timeout_s=30)


def test_a_killed_collector_s_values_are_unavailable(house: House) -> None:
    unit = house.units[1]
    unit.collector.kill()
    try:
        # The will waits 10 s, so that a restart does not show.
        everything = VALUES + FIGURES
        timeout_s = 10 + SLACK_S
        eventually(lambda: all_are(house, unit, everything, "unavailable"), timeout_s=timeout_s)
        assert house.is_live(house.units[0])
    finally:
        unit.collector.start()


def test_a_collector_s_restart_does_not_show(house: House) -> None:
    unit = house.units[1]
    unit.collector.restart()
    for _ in range(40):
        assert "unavailable" not in house.states(unit, VALUES)
        assert float(house.states(unit, ["energy_in"])[0]) > 100  # never 0, nor unknown
        time.sleep(0.25)


def test_all_comes_back_after_the_broker(house: House) -> None:
    house.broker.kill()
    time.sleep(2)
    house.broker.start()
    house.wait_until_live(timeout_s=60)


def test_all_comes_back_after_a_broker_that_forgot_everything(house: House) -> None:
    house.broker.stop()
    for file in house.broker.folder.glob("mosquitto.db*"):
        file.unlink()
    house.broker.start()
    house.wait_until_live()
    kept = [Topics().discovery(unit.mcu_id, part) for unit in house.units for part in PARTS]
    with Listener(house.broker, "homeassistant/device/+/config") as listener:
        eventually(lambda: all(map(listener.payloads, kept)), timeout_s=20)


def test_all_comes_back_after_home_assistant(house: House) -> None:
    before = set(house.home_assistant.entities())
    house.home_assistant.stop()
    time.sleep(3)
    house.home_assistant.start()
    house.wait_until_live()
    assert set(house.home_assistant.entities()) == before
    for unit in house.units:
        assert float(house.states(unit, ["energy_in"])[0]) > 100


def test_all_comes_back_after_everything_at_once(house: House) -> None:
    house.home_assistant.stop()
    house.broker.kill()
    for unit in house.units:
        unit.collector.kill()
    house.home_assistant.start()
    for unit in house.units:
        unit.collector.start()
    house.broker.start()
    house.wait_until_live()


def test_a_broker_that_wrongly_restores_online_brings_nothing_back_for_long(house: House) -> None:
    unit = house.units[0]
    # What a power cut leaves: no will is carried out, and the broker restores the retained words.
    eventually(lambda: house.is_live(unit), timeout_s=30)
    house.broker.stop()
    unit.collector.kill()
    house.broker.start()
    with Listener(house.broker) as listener:
        kept = {f"bluenova/{unit.mcu_id}/availability"}
        kept |= {m.topic for m in listener.heard if m.topic.startswith("bluenova/collector/")}
        for topic in kept:
            listener.publish(topic, "online", retain=True)
    try:
        eventually(lambda: house.is_live(house.units[1]), timeout_s=60)

        def told() -> bool:
            offline = house.states(unit, ["connected"]) == ["off"]
            return offline and all_are(house, unit, VALUES, "unavailable")

        eventually(told, timeout_s=LIVES_AT_LEAST_S + SLACK_S)
    finally:
        unit.collector.start()
