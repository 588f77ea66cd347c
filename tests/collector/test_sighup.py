"""SIGHUP, as log rotation and a closed terminal send it: it reopens the log and nothing else."""

import signal
from pathlib import Path

import pytest
from tests.support.harness import Battery, collector, eventually

from bluenova_tools.local import Mosquitto

pytestmark = pytest.mark.services


@pytest.mark.parametrize("to_file", [True, False], ids=["with a log file", "with a console"])
def test_a_hang_up_ends_nothing(to_file: bool, mosquitto: Mosquitto, tmp_path: Path) -> None:
    log, moved = tmp_path / "c.log", tmp_path / "c.log.moved"
    flags = ["-l", str(log), "-f", "1"] if to_file else []
    with (
        Battery() as battery,
        collector(
            tmp_path, battery_port=battery.port, mqtt_port=mosquitto.port, arguments=["-r", *flags]
        ) as service,
    ):
        battery.say("one")
        where = log if to_file else service.log
        eventually(lambda: '"one"' in where.read_text())
        if to_file:
            log.rename(moved)
        service.child.send(signal.SIGHUP)
        if to_file:
            eventually(log.exists)
        battery.say("two")
        eventually(lambda: '"two"' in where.read_text())
        assert service.running
        assert battery.server.upgrades == 1, "the connection stayed"
