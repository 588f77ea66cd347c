"""Ctrl-C, as a person presses it: early, and more than once."""

import os
import signal
import subprocess
import sys
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


@pytest.mark.parametrize("name", ["collector", "recorder", "simulator", "replay", "watch", "demo"])
def test_ctrl_c_while_a_program_is_imported_ends_it_silently(name: str) -> None:
    command = [str(Path(sys.executable).with_name(f"bluenova-{name}")), "--help"]
    # Python tells of each module when it has been imported.
    telling = os.environ | {"PYTHONPROFILEIMPORTTIME": "1"}
    with subprocess.Popen(
        command, env=telling, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stderr is not None
        told = iter(program.stderr)
        assert any("bluenova_shared.start" in line for line in told)
        next(line for line in told if "asyncio" in line)
        program.send_signal(signal.SIGINT)
        rest = program.stderr.read()
    assert program.returncode in (-signal.SIGINT, 0), "0 if it has printed its help by then"
    assert "Traceback" not in rest
