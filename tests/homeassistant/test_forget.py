"""`bluenova-collector forget`: what the broker keeps of a battery, and how it lets go."""

import pytest
from tests.support.harness import Listener, eventually

from bluenova_collector.homeassistant.discovery import Describer
from bluenova_shared.topics import Topics
from bluenova_tools.local import Mosquitto, Service

DISCOVERY = Describer(Topics(), "c0ffee00", "1.0", 10, "kWh").discovery("1A2B3C4D", 16)
KEPT = {
    "homeassistant/device/bluenova_1A2B3C4D/config",
    *(message.topic for message in DISCOVERY),
    "bluenova/1A2B3C4D/availability",
    "bluenova/1A2B3C4D/status",
}
OTHERS = {
    "homeassistant/device/bluenova_0BADCAFE_battery/config",
    "bluenova/0BADCAFE/availability",
    "bluenova/collector/c0ffee00",
}


def forget(*arguments: str, port: int) -> Service:
    environment = {"MQTT_HOST": "127.0.0.1", "MQTT_PORT": str(port)}
    return Service("bluenova_collector", ["forget", *arguments], environment=environment)


@pytest.mark.services
def test_a_battery_s_retained_topics_go_and_no_others(mosquitto: Mosquitto) -> None:
    with Listener(mosquitto) as listener:
        for topic in KEPT | OTHERS:
            listener.publish(topic, "something", retain=True)
    with forget("1a2b3c4d", port=mosquitto.port) as service:
        assert service.wait() == 0
        assert "Battery 1A2B3C4D is forgotten" in service.lines()[-1]
    with Listener(mosquitto) as listener:
        # What is retained comes first, to one who has subscribed before.
        listener.publish("the/end", "")
        eventually(lambda: listener.payloads("the/end"))
        assert {m.topic for m in listener.heard} == OTHERS | {"the/end"}


@pytest.mark.services
def test_a_collector_whose_outbox_was_lost_goes_and_nothing_else(mosquitto: Mosquitto) -> None:
    gone, there = "bluenova/collector/dead0001", "bluenova/collector/c0ffee00"
    with Listener(mosquitto) as listener:
        for topic in KEPT | {gone, there}:
            listener.publish(topic, "offline", retain=True)
    with forget("collector/dead0001", port=mosquitto.port) as service:
        assert service.wait() == 0
        assert "Collector dead0001 is forgotten" in service.lines()[-1]
    with Listener(mosquitto) as listener:
        eventually(lambda: {m.topic for m in listener.heard} >= KEPT | {there})
        assert {m.topic for m in listener.heard} == KEPT | {there}


@pytest.mark.parametrize("gone", ["collector/", "collector/+", "collector/a/b", "collector"])
def test_something_else_than_a_collectors_name_is_explained(gone: str) -> None:
    with forget(gone, port=1) as service:
        assert service.wait() == 1
        assert "forget collector/1d0536cb" in service.lines()[-1]


@pytest.mark.parametrize("mcu_id", ["", "1A2B", "1A2B3C4D5", "battery1", "+", "00000000"])
def test_something_else_than_an_mcu_id_is_explained(mcu_id: str) -> None:
    with forget(mcu_id, port=1) as service:
        assert service.wait() == 1
        assert "eight hex digits" in service.lines()[-1]


@pytest.mark.services
def test_an_account_that_may_not_is_told() -> None:
    broker = Mosquitto()
    rights = broker.folder / "acl"
    rights.write_text("topic read #\n", encoding="ascii")
    rights.chmod(0o644)
    broker.config.append(f"acl_file {rights}")
    with broker, forget("1A2B3C4D", port=broker.port) as service:
        assert service.wait() == 1
        assert "battery 1A2B3C4D was not forgotten" in service.lines()[-1]
        assert "bluenova/1A2B3C4D/status" in service.lines()[-1]


def test_help_is_not_taken_for_an_mcu_id() -> None:
    with forget("--help", port=1) as service:
        assert service.wait() == 0
        assert any("forget MCU-ID" in line for line in service.lines())


@pytest.mark.slow
def test_a_broker_that_is_not_there_is_told(free_port: int) -> None:
    with forget("1A2B3C4D", port=free_port) as service:
        assert service.wait(timeout_s=30) == 1
        assert "nothing was forgotten" in service.lines()[-1]
