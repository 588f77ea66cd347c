"""The chain on each broker: what is killed costs no row, and none is stored twice."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from tests.brokers.kinds import Broker
from tests.support.factories import fill, open_outbox
from tests.support.harness import eventually, wait_until_ready
from tests.support.mqtt import MqttClient

from bluenova_shared.wire import CHUNK_BYTES
from bluenova_tools.chaos.tables import read_tables
from bluenova_tools.chaos.tap import read_truth, write_down_what_is_left
from bluenova_tools.chaos.verdict import Verdict, compare
from bluenova_tools.local import Database, Service, free_port

MCU_IDS = ("1A2B3C4D", "5E6F7081")
BACKLOG = 5000  # snapshots for each battery: more than twenty of the longest chunks
BETWEEN_S = 3.0
ALL_THERE_WITHIN_S = 90


class Longest(MqttClient):
    """Hears the backlog, and keeps how long its longest message was."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker.host, broker.port)
        self.bytes = 0
        self.client.on_connect = lambda client, *_: client.subscribe("bluenova/+/backlog")
        self.client.on_message = self._hear

    def _hear(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        self.bytes = max(self.bytes, len(message.payload))


class Unit:
    """A simulated battery and its collector, which has much to tell of already."""

    def __init__(self, mcu_id: str, folder: Path, broker: Broker) -> None:
        port = free_port()
        self.tap = folder / f"tap-{mcu_id}"
        self._outbox = folder / f"{mcu_id}.sqlite"
        with closing(open_outbox(self._outbox, battery=f"127.0.0.1:{port}")) as outbox:
            list(fill(outbox, BACKLOG, mcu_id))
        self.battery = Service(
            "bluenova_tools.simulator",
            f"--port {port} --mcu-id {mcu_id} --line-interval 0.02".split(),
            folder=folder,
            name=f"battery-{mcu_id}",
        )
        environment = {
            "BATTERY_HOST": "127.0.0.1",
            "BATTERY_PORT": str(port),
            "INTERVAL": "1",
            "MQTT_HOST": broker.host,
            "MQTT_PORT": str(broker.port),
            "OUTBOX_PATH": str(self._outbox),
            "CHAOS_TAP": str(self.tap),
            "CHAOS_CLOCK": str(folder / "clock"),
        }
        self.collector = Service(
            "bluenova_tools.chaos.collector",
            environment=environment,
            folder=folder,
            name=f"collector-{mcu_id}",
        )

    def has_receipts(self) -> bool:
        """Whether something has left the outbox."""
        return '"gone"' in self.tap.read_text(encoding="utf-8")

    def start(self) -> None:
        """Starts the collector, after writing down what is in the outbox."""
        write_down_what_is_left(self._outbox, self.tap)
        self.collector.start()


@contextmanager
def chain(folder: Path, broker: Broker, database: Database) -> Iterator[tuple[Service, list[Unit]]]:
    """A recorder and two batteries with their collectors, all of them up."""
    environment = {"MQTT_HOST": broker.host, "MQTT_PORT": str(broker.port), "BATCH_AGE_S": "0.05"}
    recorder = Service(
        "bluenova_tools.chaos.recorder",
        environment=database.environment() | environment,
        folder=folder,
        name="recorder",
    )
    units = [Unit(mcu_id, folder, broker) for mcu_id in MCU_IDS]
    with ExitStack() as stack:
        stack.enter_context(recorder)
        wait_until_ready(recorder, database)
        for unit in units:
            stack.enter_context(unit.battery)
            stack.callback(unit.collector.close)
            unit.start()
        yield recorder, units


def kill_each_once(broker: Broker, recorder: Service, units: list[Unit]) -> None:
    """Kills the broker while the backlog is on its way, then the recorder and the collectors."""
    eventually(lambda: any(unit.has_receipts() for unit in units), timeout_s=30)
    broker.kill()
    assert all(read_truth([unit.tap]).waiting > BACKLOG / 4 for unit in units)
    time.sleep(1.0)
    broker.start()
    time.sleep(BETWEEN_S)
    recorder.restart()
    time.sleep(BETWEEN_S)
    for unit in units:
        unit.collector.kill()
        unit.start()
        time.sleep(BETWEEN_S)


@pytest.mark.timeout(300)
def test_nothing_is_lost_and_nothing_doubled_when_each_part_is_killed_once(
    named_broker: tuple[str, Broker], tables: Database, tmp_path: Path, facts: list[str]
) -> None:
    name, broker = named_broker
    began_s = time.monotonic()

    def judge() -> Verdict:
        return compare(read_truth(unit.tap for unit in units), read_tables(tables))

    with Longest(broker) as longest, chain(tmp_path, broker, tables) as (recorder, units):
        kill_each_once(broker, recorder, units)
        for unit in units:
            unit.battery.stop()
        time.sleep(BETWEEN_S)  # the last intervals end
        eventually(lambda: not judge().lost, timeout_s=ALL_THERE_WITHIN_S)
        # Stopped in good order, they would have an event more to tell of.
        for unit in units:
            unit.collector.kill()
    verdict = judge()
    facts.append(
        f"{name}: {verdict.measured} measured, {verdict.rows} rows, lost {len(verdict.lost)}, "
        f"doubled {len(verdict.duplicated)}, longest message {longest.bytes} bytes, "
        f"{time.monotonic() - began_s:.0f} s"
    )
    assert verdict.good, verdict
    assert verdict.measured > 2 * BACKLOG
    assert longest.bytes > 0.9 * CHUNK_BYTES
