"""A collector's side of the promise with a broker's ear, for the tests of what is delivered."""

import json
import time
from collections.abc import Sequence
from typing import Any

from tests.support.factories import MCU_ID, OTHER_MCU_ID

from bluenova_collector.delivery.outbox import Outbox
from bluenova_collector.delivery.pacing import Pacing, Waits
from bluenova_collector.delivery.promise import Delivery
from bluenova_collector.memory import Memory
from bluenova_shared.message import Message
from bluenova_shared.mqtt.events import NoBroker, Published, Sent, TooLong
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.topics import Topics
from bluenova_shared.wire import Item, Receipt, Rejected

TOPICS = Topics()
MEMORY = Memory(MCU_ID)


class Broker:
    """Keeps what is published, and says whether it is there."""

    def __init__(self) -> None:
        self.there = True
        self.longest: int | None = None
        self.heard: list[Message] = []
        self.kept_when_heard: list[int] = []
        self.outbox: Outbox | None = None

    def publish(self, message: Message) -> Published:
        if not self.there:
            return NoBroker()
        if self.longest is not None and len(message.payload) > self.longest:
            return TooLong(self.longest)
        self.heard.append(message)
        if self.outbox is not None:
            self.kept_when_heard.append(self.outbox.waiting.total())
        return Sent()

    def chunks(self) -> list[list[dict[str, Any]]]:
        topics = (TOPICS.backlog(MCU_ID), TOPICS.backlog(OTHER_MCU_ID))
        return [json.loads(m.payload) for m in self.heard if m.topic in topics]


def deliver_to(broker: Broker, outbox: Outbox, receipt_due_s: float = 0.005) -> Delivery:
    """Receipts are soon overdue, and there are no pauses."""
    pacing = Pacing(Waits(receipt_due_s, first_pause_s=0.0, longest_pause_s=0.0))
    return Delivery(outbox, TOPICS, broker, time.monotonic, pacing)


def receipt(*items: Item, mcu_id: str = MCU_ID, rejected: tuple[Item, ...] = ()) -> Message:
    named = Receipt(
        recorded=[str(item.id) for item in items],
        rejected=[Rejected(id=str(item.id), reason="why") for item in rejected],
    )
    return Message(TOPICS.recorded(mcu_id), named.to_json().encode(), qos=1)


def deliver(delivery: Delivery, *live: Snapshot, for_recorder: Sequence[Item] = ()) -> None:
    """As at the end of an interval."""
    delivery.deliver(for_recorder, live, MEMORY)


def left(outbox: Outbox, mcu_id: str = MCU_ID) -> list[str]:
    return [kept.id for kept in outbox.between(0, None, mcu_id, 100_000)]
