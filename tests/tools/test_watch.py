"""The live view against a real broker, with and without a terminal."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import paho.mqtt.publish
import pytest
from tests.support.factories import pack_snapshot

from bluenova_shared.topics import Topics
from bluenova_tools.local import Mosquitto, Service

pytestmark = pytest.mark.services


def publish(broker: Mosquitto, after_s: int = 0) -> None:
    one = pack_snapshot(after_s=after_s)
    topics = Topics()
    paho.mqtt.publish.multiple(
        [
            (topics.availability(one.mcu_id), "online", 1, True),
            (topics.snapshot(one.mcu_id), one.to_json(), 0, False),
        ],
        hostname=broker.host,
        port=broker.port,
    )


def test_without_a_terminal_each_snapshot_is_a_line(tmp_path: Path) -> None:
    with Mosquitto() as broker:
        arguments = ("--mqtt-host", broker.host, "--mqtt-port", str(broker.port))
        with Service("bluenova_tools.watch", arguments, folder=tmp_path) as watch:
            watch.wait_for_line("Connected")
            publish(broker)
            assert watch.wait_for_line("53.120 V").startswith("12:00:00  1A2B3C4D   87 %")
            broker.restart()
            watch.wait_for_line("Connected", after=len(watch.lines()))
            publish(broker, after_s=10)
            watch.wait_for_line("12:00:10")
            assert watch.terminate(timeout_s=3) == 0
            assert "Traceback" not in "\n".join(watch.lines())


def test_what_a_terminal_has_no_letters_for_is_replaced(tmp_path: Path) -> None:
    with Mosquitto() as broker:
        arguments = ("--mqtt-host", broker.host, "--mqtt-port", str(broker.port))
        ascii_alone = {"PYTHONIOENCODING": "ascii"}
        with Service(
            "bluenova_tools.watch", arguments, environment=ascii_alone, folder=tmp_path
        ) as watch:
            watch.wait_for_line("Connected")
            publish(broker)
            assert "22 ?C" in watch.wait_for_line("53.120 V")
            assert watch.terminate(timeout_s=3) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_on_a_terminal_it_draws_and_gives_the_screen_back(
    tmp_path: Path, number: signal.Signals
) -> None:
    log = tmp_path / "watch.log"
    with Mosquitto() as broker:
        ours, theirs = pty.openpty()
        environment = {"MQTT_HOST": broker.host, "MQTT_PORT": str(broker.port), "TERM": "xterm"}
        environment |= {"COLUMNS": "80", "LINES": "24", "PATH": os.environ["PATH"]}
        process = subprocess.Popen(
            [sys.executable, "-m", "bluenova_tools.watch", "-l", str(log)],
            stdin=theirs, stdout=theirs, stderr=theirs, env=environment,
        )  # fmt: skip
        os.close(theirs)
        try:
            drawn = read_until(ours, "Waiting for a first battery")
            for attempt in range(50):
                publish(broker, after_s=attempt)
                drawn += read_for(ours, 0.1)
                if "spread 15 mV" in drawn:  # the last line of a battery
                    break
            assert "1A2B3C4D" in drawn
            assert "53.12 V" in drawn
            assert "spread 15 mV" in drawn
            process.send_signal(number)
            # The escape sequence by which a terminal leaves its alternate screen.
            drawn = read_until(ours, "\x1b[?1049l")
            assert "Traceback" not in drawn
            assert process.wait(5) == 0
            assert "Connected to the MQTT broker" in log.read_text()
        finally:
            process.kill()
            process.wait()
            os.close(ours)


def read_until(terminal: int, text: str, timeout_s: float = 10) -> str:
    read, deadline_s = "", time.monotonic() + timeout_s
    while text not in read:
        assert time.monotonic() < deadline_s, read[-2000:]
        read += os.read(terminal, 65536).decode(errors="replace")
    return read


def read_for(terminal: int, seconds: float) -> str:
    time.sleep(seconds)
    return os.read(terminal, 65536).decode(errors="replace")


def test_wrong_settings_are_told_all_at_once(tmp_path: Path) -> None:
    environment = {"MQTT_HOST": "", "MQTT_PORT": "x"}
    with Service("bluenova_tools.watch", environment=environment, folder=tmp_path) as watch:
        assert watch.wait(timeout_s=10) == 1
        text = "\n".join(watch.lines())
        assert "MQTT_HOST" in text
        assert "MQTT_PORT" in text
        assert all(line.startswith("bluenova-watch: ") for line in watch.lines())


def test_ctrl_c_while_settings_are_read_ends_without_a_traceback(tmp_path: Path) -> None:
    pipe = tmp_path / "password"
    os.mkfifo(pipe)
    environment = {"MQTT_USERNAME": "watch", "MQTT_PASSWORD_FILE": str(pipe)}
    with (
        Service("bluenova_tools.watch", environment=environment, folder=tmp_path) as watch,
        pipe.open("wb"),  # it returns when the settings are read
    ):
        assert watch.interrupt(timeout_s=5) == 0
        assert watch.lines() == []
