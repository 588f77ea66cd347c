"""Ctrl-C, as a person presses it: early, and more than once."""

import signal
import time
from pathlib import Path

import pytest

from bluenova_tools.local import Mosquitto, Service

READY = {
    "bluenova_collector": "Connected to the MQTT broker",
    "bluenova_recorder": "Connected to the MQTT broker",
    "bluenova_tools.watch": "Connected to the MQTT broker",
    "bluenova_tools.simulator": "speaks at",
    "bluenova_tools.replay": "plays at",
}


@pytest.mark.services
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("module", READY)
def test_further_signals_change_nothing_about_the_end(
    module: str, number: signal.Signals, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    capture = tmp_path / "capture.jsonl"
    capture.write_text('{"t": 0, "msg": "SOC: 1"}\n')
    arguments = {
        "bluenova_tools.simulator": ["--port", "0"],
        "bluenova_tools.replay": [str(capture), "--port", "0"],
    }
    environment = {
        "MQTT_HOST": mosquitto.host,
        "MQTT_PORT": str(mosquitto.port),
        "BATTERY_HOST": "127.0.0.1",
        "BATTERY_PORT": "1",
        "OUTBOX_PATH": str(tmp_path / "outbox.sqlite"),
        "PGHOST": str(tmp_path),
    }
    with Service(
        module, arguments.get(module, []), environment=environment, folder=tmp_path
    ) as service:
        service.wait_for_line(READY[module], timeout_s=20)
        deadline_s = time.monotonic() + 20
        # To its very end, which takes a quarter of a second.
        while service.child.running and time.monotonic() < deadline_s:
            service.child.send(number)
            time.sleep(0.003)
        assert service.child.returncode == 0
        assert "Traceback" not in "\n".join(service.lines())
