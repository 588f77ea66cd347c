"""A broker that takes no long messages, silently or not; what waits arrives all the same."""

from pathlib import Path

import pytest
from tests.chain.parts import Battery, eventually, query, recorder, wait_until_ready
from tests.delivery.things import fill, open_outbox

from bluenova_tools.local import Database, Mosquitto, Service

pytestmark = [pytest.mark.services, pytest.mark.slow]


@pytest.mark.parametrize(
    "limit",
    ["max_packet_size 6000", "message_size_limit 20000", "max_queued_messages 10"],
    ids=["announced", "silent", "a short queue"],
)
def test_what_waits_arrives_through_a_broker_with(
    limit: str, database: Database, tmp_path: Path
) -> None:
    with (
        Mosquitto(config=[limit]) as broker,
        Battery() as battery,
        recorder(tmp_path, database, mqtt_port=broker.port) as writer,
    ):
        outbox = open_outbox(tmp_path / "outbox.sqlite", battery=f"127.0.0.1:{battery.port}")
        count = sum(1 for _ in fill(outbox, 700))
        outbox.close()
        wait_until_ready(writer, database)
        environment = {
            "BATTERY_HOST": "127.0.0.1",
            "BATTERY_PORT": str(battery.port),
            "MQTT_PORT": str(broker.port),
            "OUTBOX_PATH": str(tmp_path / "outbox.sqlite"),
            "CHAOS_TAP": str(tmp_path / "tap"),
            "CHAOS_CLOCK": str(tmp_path / "clock"),
        }
        # The collector with short pauses: by itself it would take its time to find out.
        with Service("bluenova_tools.chaos.collector", environment=environment, folder=tmp_path):
            found = "SELECT count(*) FROM battery_pack"
            eventually(lambda: query(database, found) == [(count,)], timeout_s=60)
    assert query(database, "SELECT count(*) FROM battery_pack_rejected") == [(0,)]
