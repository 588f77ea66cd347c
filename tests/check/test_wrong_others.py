"""Who else is at the broker, and should not be, or is not: `check` names it, and the cure."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from tests.support.checking import Checked
from tests.support.factories import MCU_ID, open_outbox
from tests.support.harness import Battery, Listener, collector, eventually, wait_until_ready
from tests.support.outboxes import MEMORY
from tests.support.repeating import repeating

from bluenova_tools.local import Mosquitto, free_port

pytestmark = pytest.mark.services


def test_nobody_who_records(mosquitto: Mosquitto, check_at: Callable[..., Checked]) -> None:
    checked = check_at(mosquitto.port)
    checked.assert_names("recorder", "wrong", "docker compose up -d recorder.*RECORDER=none")
    assert check_at(mosquitto.port, RECORDER="none")["recorder"].state == "skipped"


@pytest.fixture
def named(tmp_path: Path) -> str:
    """The name of a collector that has an outbox and does not run."""
    outbox = open_outbox(tmp_path / "outbox.sqlite")
    outbox.commit([], MEMORY)
    outbox.close()
    return outbox.name


def test_another_collector_with_our_name(
    named: str, mosquitto: Mosquitto, check_at: Callable[..., Checked]
) -> None:
    with Listener(mosquitto) as other:
        assert check_at(mosquitto.port)["own name"].state == "ok"
        other.publish(f"bluenova/collector/{named}", "online", retain=True)
        checked = check_at(mosquitto.port)
    # It may be ours, killed a moment ago: the broker has not said yet that it is gone.
    words = f"another collector called {named} is online.*wait and look again.*never a copy"
    checked.assert_names("own name", "warning", words)


def test_two_collectors_that_throw_each_other_out(
    named: str, mosquitto: Mosquitto, tmp_path: Path, check_at: Callable[..., Checked]
) -> None:
    rival = paho.Client(CallbackAPIVersion.VERSION2, named, protocol=paho.MQTTv5)
    done = threading.Event()

    def come_again() -> None:
        if not done.is_set():
            rival.reconnect()

    rival.on_disconnect = lambda *_: come_again()
    files: dict[str, Any] = {
        "HEALTH_FILE": tmp_path / "health.json",
        "OUTBOX_PATH": tmp_path / "outbox.sqlite",
    }
    with collector(
        tmp_path, battery_port=free_port(), mqtt_port=mosquitto.port, **files
    ) as service:
        wait_until_ready(service)
        rival.connect(mosquitto.host, mosquitto.port)
        rival.loop_start()
        while (checked := check_at(mosquitto.port, **files))["own name"].state != "wrong":
            pass  # the test's own time limit ends this
        done.set()
        rival.disconnect()
        rival.loop_stop()
    words = "(came and went .* times|has had no broker for).*two have this name.*never a copy"
    checked.assert_names("own name", "wrong", words)


def test_a_collector_that_has_just_started_is_given_time_to_announce_its_battery(
    tmp_path: Path, mosquitto: Mosquitto, check_at: Callable[..., Checked]
) -> None:
    outbox = tmp_path / "outbox.sqlite"
    last = f"homeassistant/device/bluenova_{MCU_ID}_battery/config"
    with (
        Battery() as battery,
        Listener(mosquitto) as listener,
        collector(
            tmp_path, battery_port=battery.port, mqtt_port=mosquitto.port, OUTBOX_PATH=outbox
        ),
        repeating(lambda: battery.say(f"MCU ID: {MCU_ID}", "CellCount: 16"), every_s=0.2),
    ):
        eventually(lambda: listener.payloads(f"bluenova/{MCU_ID}/snapshot"))
        assert not listener.payloads(last), "the longest part comes last"
        checked = check_at(mosquitto.port, BATTERY_PORT=battery.port, INTERVAL=1)
        assert checked["home assistant discovery"].state == "ok"


def test_another_collector_of_this_battery(
    tmp_path: Path, mosquitto: Mosquitto, check_at: Callable[..., Checked]
) -> None:
    port = free_port()
    outbox = open_outbox(tmp_path / "outbox.sqlite", battery=f"127.0.0.1:{port}")
    outbox.commit([], MEMORY)
    outbox.close()
    topic = f"homeassistant/device/bluenova_{MCU_ID}_battery/config"
    with Listener(mosquitto) as other:
        other.publish(topic, '{"avty":[{"t":"bluenova/collector/0ther"}]}', retain=True)
        checked = check_at(mosquitto.port, BATTERY_PORT=port)
        checked.assert_names(
            "home assistant discovery", "wrong", "another collector: 0ther.*stop the other one"
        )
        mine = f'{{"avty":[{{"t":"bluenova/collector/{outbox.name}"}}]}}'
        other.publish(topic, mine, retain=True)
        checked = check_at(mosquitto.port, BATTERY_PORT=port)
        checked.assert_names("home assistant discovery", "warning", "5 of 5.*restart collector")
