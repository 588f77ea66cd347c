"""Gaps as they come about: each loss brings its own cause into the view."""

import time
from pathlib import Path

import pytest
from tests.support.harness import (
    MCU_ID,
    Battery,
    collector,
    eventually,
    query,
    recorder,
    wait_until_ready,
)

from bluenova_tools.local import Database, Mosquitto, Service

pytestmark = [pytest.mark.services, pytest.mark.slow]

AWAY_S = 4.0  # with a snapshot each second
GAPS = "SELECT cause FROM battery_pack_gaps WHERE gap_to IS NOT NULL ORDER BY gap_from"


def talk(battery: Battery, seconds: float) -> None:
    for _ in range(int(seconds / 0.2)):
        battery.say(f"MCU ID: {MCU_ID}", "SOC: 50")
        time.sleep(0.2)


def test_each_loss_has_its_own_cause(
    mosquitto: Mosquitto, database: Database, tmp_path: Path
) -> None:
    with Battery() as battery, recorder(tmp_path, database, mqtt_port=mosquitto.port) as writer:
        wait_until_ready(writer, database)

        def reader() -> Service:
            return collector(tmp_path, battery_port=battery.port, mqtt_port=mosquitto.port)

        with reader():
            talk(battery, 3)
            time.sleep(AWAY_S)
            talk(battery, 3)
        time.sleep(AWAY_S)  # stopped by SIGTERM
        with reader() as killed:
            talk(battery, 3)
            killed.kill()
            time.sleep(AWAY_S)
        with reader():
            talk(battery, 3)
            causes = ["battery lost", "collector stopped", "collector killed"]
            eventually(lambda: [cause for (cause,) in query(database, GAPS)] == causes)
