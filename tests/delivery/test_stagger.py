"""Live values of many batteries go out one after the other; of one home, at once."""

import json
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from tests.support.factories import MCU_ID, OTHER_MCU_ID, open_outbox, snapshot
from tests.support.harness import Battery, Listener, collector, eventually

from bluenova_collector.delivery.pacing import Pacing, Waits
from bluenova_collector.delivery.promise import Delivery
from bluenova_collector.delivery.stagger import Stagger
from bluenova_collector.memory import Memory
from bluenova_shared.message import Message
from bluenova_shared.mqtt.events import Published, Sent
from bluenova_shared.topics import Topics
from bluenova_tools.local import Mosquitto

TOPICS = Topics()
OVER_S = 8.0


def test_without_a_stagger_nothing_waits() -> None:
    assert Stagger().delay_s(MCU_ID) == 0


def test_batteries_are_spread_evenly_and_each_has_its_own_place() -> None:
    stagger = Stagger(OVER_S)
    delays = [stagger.delay_s(f"{n:08X}") for n in range(10_000)]
    assert all(0 <= delay < OVER_S for delay in delays)
    per_s = Counter(int(delay) for delay in delays)
    assert all(1000 < per_s[second] < 1500 for second in range(8)), per_s
    assert stagger.delay_s("00000001") == delays[1]


def test_what_is_held_comes_when_it_is_due_in_its_order() -> None:
    stagger = Stagger(OVER_S)
    for due_s in (3.0, 1.0, 3.0):
        stagger.hold(Message(f"{due_s}", ""), due_s)
    assert stagger.next_s() == 1.0
    assert [message.topic for message in stagger.due(2.9)] == ["1.0"]
    assert stagger.next_s() == 3.0
    assert [message.topic for message in stagger.due(3.0)] == ["3.0", "3.0"]
    assert stagger.next_s() is None


class Broker:
    def __init__(self) -> None:
        self.heard: list[Message] = []

    def publish(self, message: Message) -> Published:
        self.heard.append(message)
        return Sent()


def test_what_waits_for_its_turn_is_in_the_outbox_and_does_not_go_out_twice(
    tmp_path: Path,
) -> None:
    now_s, broker, outbox = 0.0, Broker(), open_outbox(tmp_path / "outbox.sqlite")
    delivery = Delivery(
        outbox,
        TOPICS,
        broker,
        lambda: now_s,
        Pacing(Waits(receipt_due_s=5.0)),
        stagger=Stagger(OVER_S),
    )
    last_s = max(delivery.stagger.delay_s(mcu_id) for mcu_id in (MCU_ID, OTHER_MCU_ID))
    delivery.deliver([], [snapshot(), snapshot(mcu_id=OTHER_MCU_ID)], Memory(MCU_ID))
    assert outbox.waiting == {MCU_ID: 1, OTHER_MCU_ID: 1}
    assert broker.heard == []
    while now_s < last_s + 4.9:  # until its receipt is overdue
        delivery.publish_due(now_s)
        delivery.send_again()
        now_s += 0.1
    assert {message.topic for message in broker.heard} == {
        TOPICS.snapshot(MCU_ID),
        TOPICS.snapshot(OTHER_MCU_ID),
    }
    assert len(broker.heard) == 2
    while now_s < last_s + 5.2:
        delivery.send_again()
        now_s += 0.1
    assert TOPICS.backlog(MCU_ID) in {message.topic for message in broker.heard}
    outbox.close()


def wait_for(listener: Listener, topic: str, count: int) -> None:
    eventually(lambda: len(listener.payloads(topic)) == count, timeout_s=10)


@pytest.mark.services
def test_a_collector_spreads_its_publishing_and_not_its_times(tmp_path: Path) -> None:
    delay_s = Stagger(1.8).delay_s(MCU_ID)
    with (
        Mosquitto() as broker,
        Listener(broker) as listener,
        Battery() as battery,
        collector(
            tmp_path, battery_port=battery.port, mqtt_port=broker.port, INTERVAL=2, STAGGER_S=1.8
        ) as service,
    ):
        service.wait_for_line("Connected to the battery")
        topic = TOPICS.snapshot(MCU_ID)
        late_s = []
        for n in range(1, 4):
            battery.say(f"MCU ID: {MCU_ID}", f"SOC: {n}")
            wait_for(listener, topic, n)
            heard_s = time.time()
            said = json.loads(listener.payloads(topic)[-1])
            at = datetime.fromisoformat(said["time"])
            assert at.second % 2 == 0
            late_s.append(heard_s - at.timestamp())
        # eventually() looks every now and then, and the machine may be busy.
        assert min(late_s) >= delay_s
        assert min(late_s) < delay_s + 1.0
