"""Bad connections that the C program did not survive: a test for each, named after it."""

import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.support.harness import MCU_ID, Battery, collector

from bluenova_tools.local import Mosquitto
from bluenova_tools.simulator.behaviour import Behaviour

pytestmark = [pytest.mark.services]


class TestTheConnection:
    @pytest.mark.parametrize(
        ("behaviour", "setting", "reason"),
        [
            pytest.param(
                Behaviour.NEVER_ANSWER,
                {"HANDSHAKE_S": 0.5},
                "no answer to the connection request within 0.5 s",
                id="a server that never answers the upgrade",
            ),
            pytest.param(
                Behaviour.SILENT,
                {"SILENCE_S": 1.5},
                "silent for 1.5 s",
                id="a silent but pinging battery",
            ),
        ],
    )
    def test_is_given_up_and_made_anew_with(
        self,
        behaviour: Behaviour,
        setting: dict[str, Any],
        reason: str,
        mosquitto: Mosquitto,
        tmp_path: Path,
    ) -> None:
        with (
            Battery(behaviour) as battery,
            collector(
                tmp_path, battery_port=battery.port, mqtt_port=mosquitto.port, **setting
            ) as service,
        ):
            service.wait_for_line(reason)
            battery.behave(Behaviour.SERVE)
            battery.say(f"MCU ID: {MCU_ID}", to_all_in_s=6)
            service.wait_for_line(f"Battery {MCU_ID} is online")

    def test_a_server_that_drops_every_connection_is_not_hit_every_second(
        self, mosquitto: Mosquitto, tmp_path: Path
    ) -> None:
        with (
            Battery(Behaviour.FLAP) as battery,
            collector(tmp_path, battery_port=battery.port, mqtt_port=mosquitto.port) as service,
        ):
            service.wait_for_line("Lost the battery")
            began_s = time.monotonic()
            time.sleep(7.5)
            # After 1, 1, 2 and 2 s; the C program: each second.
            waited_s = time.monotonic() - began_s
            assert 3 <= battery.server.attempts <= 5, f"in {waited_s:.1f} s"


def test_a_port_that_answers_with_garbage_is_no_end(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            for _ in range(2):
                connection, _ = server.accept()
                connection.sendall(b"\x00\xffSSH-2.0-nothing\r\n" * 100)
                connection.close()

        answering = threading.Thread(target=answer, daemon=True)
        answering.start()
        with collector(tmp_path, battery_port=port, mqtt_port=mosquitto.port) as service:
            service.wait_for_line("Cannot reach the battery")
            answering.join(10)
            assert service.running
