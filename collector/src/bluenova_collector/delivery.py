"""The collector's side of the promise: nothing that was measured is lost, whoever is killed when.

An item is committed to the outbox, synced, before anybody hears of it, and leaves it only when a
receipt names it. Until then it goes out again and again.
"""

from __future__ import annotations

import logging
import random
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Sequence

from pydantic import ValidationError

from bluenova_collector.backlog import Backlog
from bluenova_collector.outbox import Kept, Memory, Outbox
from bluenova_shared.delivery import Item, Receipt
from bluenova_shared.message import Message
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.topics import Topics

log = logging.getLogger(__name__)

# About as many as fit into a chunk.
MOST_ITEMS = 250
# What a full disk does not take waits in memory: some hours of one battery.
MOST_UNWRITTEN = 2000
# Recorders come back to many collectors at once.
JITTER_S = 0.5


class Delivery:
    """Commits, publishes, and sends again. `publish` answers False while there is no broker."""

    def __init__(
        self,
        outbox: Outbox,
        topics: Topics,
        publish: Callable[[Message], bool],
        max_packet: Callable[[], int | None],
    ) -> None:
        self.backlog = Backlog()
        self._outbox = outbox
        self._topics = topics
        self._publish = publish
        self._max_packet = max_packet
        self._unwritten: deque[Item] = deque(maxlen=MOST_UNWRITTEN)
        self._disk_fails = False

    def deliver(self, items: Sequence[Item], memory: Memory, end_s: int | None = None) -> None:
        """Commits the items to the outbox; only then publishes those that are new.

        New are the snapshots of the interval that ended at `end_s`. All else goes to the recorder
        alone: events, and snapshots that had to wait for their battery's name.
        """
        numbers = self._commit(items, memory)
        for n, item in zip(numbers, items, strict=True):
            if isinstance(item, Snapshot) and item.time.timestamp() == end_s:
                topic = self._topics.snapshot(item.mcu_id)
                if self._publish(Message(topic, item.to_json())) and n is not None:
                    self.backlog.published([n], time.monotonic())

    def take_receipt(self, message: Message) -> None:
        """Deletes what the recorder has committed, or keeps among the rejected; nothing else."""
        mcu_id = self._topics.mcu_of(message.topic)
        if mcu_id is None or mcu_id not in self._outbox.waiting:
            return  # another collector's
        try:
            receipt = Receipt.model_validate_json(message.payload)
        except ValidationError as error:
            log.warning("Unreadable receipt on %s: %s", message.topic, error)
            return
        for rejected in receipt.rejected:
            log.error("The recorder rejects %s of %s: %s", rejected.id, mcu_id, rejected.reason)
        ids = receipt.recorded + [rejected.id for rejected in receipt.rejected]
        if self.backlog.receipted(ids):
            self.send_again()  # first, so that the recorder has work while our disk syncs
        try:
            self._outbox.delete(mcu_id, ids)
        except sqlite3.OperationalError as error:
            log.warning("The outbox does not let go of what is recorded: %s", error)
            return
        self._unwritten = deque((i for i in self._unwritten if i.id not in ids), MOST_UNWRITTEN)

    def send_again(self) -> None:
        """Sends the next chunks of what has no receipt, if it is time for any."""
        now_s = time.monotonic()
        while self.backlog.may_send(now_s):
            if not self._send_chunk(now_s):
                break

    def _send_chunk(self, now_s: float) -> bool:
        """False where there is nothing to send, or nobody to send it to."""
        for mcu_id in [mcu_id for mcu_id, waiting in self._outbox.waiting.items() if waiting > 0]:
            above, below = self.backlog.window(mcu_id, now_s)
            kept = self._outbox.between(above, below, mcu_id, MOST_ITEMS)
            chunk = self._fitting(kept)
            if not chunk:
                continue
            payload = f"[{','.join(item.payload for item in chunk)}]"
            if self._publish(Message(self._topics.backlog(mcu_id), payload)):
                self.backlog.sent(mcu_id, chunk[-1].n, [item.id for item in chunk], now_s)
                return True
            self.backlog.not_sent(now_s)
            return False
        self.backlog.passed_all(now_s)
        return False

    def unwritten(self) -> int:
        """How many items are in memory alone: a stop loses them."""
        return len(self._unwritten)

    def recorder_is_ready(self) -> None:
        """A recorder says that it is able to write."""
        self.backlog.hurry(time.monotonic() + random.uniform(0, JITTER_S))  # noqa: S311  # spreads the collectors, no secret

    def _fitting(self, kept: Sequence[Kept]) -> list[Kept]:
        """As many as fit into a chunk; one at least."""
        # What MQTT itself adds to a payload: the topic and a few bytes.
        room = min(self.backlog.chunk_bytes, (self._max_packet() or self.backlog.chunk_bytes) - 256)
        chunk: list[Kept] = []
        for item in kept:
            room -= len(item.payload.encode()) + 1
            if room < 0 and chunk:
                break
            chunk.append(item)
        return chunk

    def _commit(self, items: Sequence[Item], memory: Memory) -> list[int | None]:
        """The items' numbers in the outbox. A full disk costs durability, not the live values."""
        waiting = list(self._unwritten)
        try:
            numbers = self._outbox.commit([*waiting, *items], memory)
        except sqlite3.OperationalError as error:
            if not self._disk_fails:
                log.error("The outbox cannot be written: %s. What comes is kept in memory", error)
            self._disk_fails = True
            self._unwritten.extend(items)
            return [None] * len(items)
        if self._disk_fails:
            log.info("The outbox can be written again; %d items had to wait", len(waiting))
        self._disk_fails = False
        self._unwritten.clear()
        return list(numbers[len(waiting) :])
