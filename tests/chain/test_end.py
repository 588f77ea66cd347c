"""SIGTERM ends a service within 5 s, whatever it is waiting for."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.support.harness import MCU_ID, Battery, Listener, collector, eventually, recorder

from bluenova_tools.local import Mosquitto, Postgres, Service, free_port
from bluenova_tools.simulator.behaviour import Behaviour

pytestmark = pytest.mark.services

WITHIN_S = 5.0


@pytest.fixture(scope="module")
def broker() -> object:
    with Mosquitto() as one:
        yield one


def assert_ends_in_time(service: Service) -> None:
    began_s = time.monotonic()
    assert service.terminate(timeout_s=15) == 0, service.lines()[-5:]
    assert time.monotonic() - began_s < WITHIN_S
    # What it was just waiting for may still be said: a broker that went in the same moment.
    assert any("Stopping" in line for line in service.lines()[-3:])


@pytest.mark.parametrize(
    ("behaviour", "line"),
    [
        pytest.param(Behaviour.SERVE, "Connected to the battery", id="connected"),
        pytest.param(Behaviour.REFUSE, "Cannot reach", id="refused by the battery"),
        pytest.param(Behaviour.HALF_OPEN, "Connected to the battery", id="half open"),
        pytest.param(Behaviour.SILENT, "Connected to the battery", id="without a line"),
        pytest.param(Behaviour.NEVER_ANSWER, "Connected to the MQTT", id="in the handshake"),
        pytest.param(Behaviour.NOT_FOUND, "Cannot reach", id="told 404"),
    ],
)
def test_sigterm_ends_a_collector(
    behaviour: Behaviour, line: str, broker: Mosquitto, tmp_path: Path
) -> None:
    with (
        Battery(behaviour) as battery,
        collector(tmp_path, battery_port=battery.port, mqtt_port=broker.port) as service,
    ):
        service.wait_for_line("Connected to the MQTT broker", timeout_s=20)
        service.wait_for_line(line)
        if behaviour is Behaviour.SERVE:
            battery.say(f"MCU ID: {MCU_ID}", "SOC: 5")
            service.wait_for_line("is online")
        assert_ends_in_time(service)


@pytest.mark.parametrize("state", ["no broker", "a frozen broker", "a broker that went"])
def test_sigterm_ends_a_collector_with(state: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    if state == "no broker":
        mosquitto.stop()
    with (
        Battery() as battery,
        collector(tmp_path, battery_port=battery.port, mqtt_port=mosquitto.port) as service,
    ):
        battery.say(f"MCU ID: {MCU_ID}", "SOC: 5")
        if state == "no broker":
            service.wait_for_line("No MQTT broker", timeout_s=20)
        else:
            service.wait_for_line("Connected to the MQTT broker", timeout_s=20)
            (mosquitto.freeze if "frozen" in state else mosquitto.kill)()
        service.wait_for_line("is online")
        assert_ends_in_time(service)
        mosquitto.resume()


States = dict[str, Callable[[ExitStack, Mosquitto, Postgres], None]]

STATES: States = {
    "all there": lambda stack, broker, server: None,
    "no broker": lambda stack, broker, server: broker.stop(),
    "no database": lambda stack, broker, server: server.stop(),
    "a frozen broker": lambda stack, broker, server: broker.freeze(),
    "a frozen database": lambda stack, broker, server: server.freeze(),
}


@pytest.fixture(scope="module")
def own_server() -> object:
    with Postgres(fast=True) as one:
        yield one


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("when", ["from the beginning", "later"])
def test_sigterm_ends_a_recorder_with(
    state: str, when: str, mosquitto: Mosquitto, own_server: Postgres, tmp_path: Path
) -> None:
    if not own_server.child.running:
        own_server.start()
    database = own_server.database()
    with ExitStack() as stack:
        service = recorder(tmp_path, database, mqtt_port=mosquitto.port)
        stack.callback(service.close)
        if when == "later":
            service.start()
            service.wait_for_line("Connected to the MQTT broker", timeout_s=20)
            with Listener(mosquitto) as listener:
                listener.publish(f"bluenova/{MCU_ID}/snapshot", b"no snapshot")
        STATES[state](stack, mosquitto, own_server)
        try:
            if when == "from the beginning":
                service.start()
                service.wait_for_line("Recorder ", timeout_s=20)
            time.sleep(0.5)
            assert_ends_in_time(service)
        finally:
            own_server.resume()
            mosquitto.resume()


def test_sigterm_ends_a_recorder_whose_servers_drop_what_it_sends(tmp_path: Path) -> None:
    """Ports that nobody listens on, at all."""
    nowhere = {"PGHOST": "127.0.0.1", "PGPORT": str(free_port())}
    with recorder(tmp_path, nowhere, mqtt_port=free_port()) as service:
        service.wait_for_line("does not take anything", timeout_s=20)
        service.wait_for_line("No MQTT broker", timeout_s=20)
        assert_ends_in_time(service)


def test_what_a_collector_says_at_its_end(broker: Mosquitto, tmp_path: Path) -> None:
    with (
        Battery() as battery,
        Listener(broker) as listener,
        collector(
            tmp_path, battery_port=battery.port, mqtt_port=broker.port, TOPIC_ROOT="end"
        ) as service,
    ):
        battery.say(f"MCU ID: {MCU_ID}")
        service.wait_for_line("is online", timeout_s=20)
        service.wait_for_line("Connected to the MQTT broker", timeout_s=20)
        assert_ends_in_time(service)
        battery_s = f"end/{MCU_ID}/availability"
        (own,) = {m.topic for m in listener.heard if m.topic.startswith("end/collector/")}
        for topic in (battery_s, own):
            eventually(lambda: listener.payloads(topic)[-1:] == [b"offline"])  # noqa: B023  # called at once
            assert listener.payloads(topic) == [b"online", b"offline"]
