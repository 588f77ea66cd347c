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
from pydantic_core import from_json

from bluenova_collector.delivery.outbox import Kept, Memory, Outbox
from bluenova_collector.delivery.pacing import Backlog
from bluenova_shared.message import Message
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.topics import Topics
from bluenova_shared.wire import Item, Receipt

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
        longest_payload: Callable[[], int | None],
    ) -> None:
        self.backlog = Backlog()
        self._outbox = outbox
        self._topics = topics
        self._publish = publish
        self._longest_payload = longest_payload
        self._unwritten: deque[Item] = deque()
        self._disk_fails = False
        self._said_too_long = 0

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
        if mcu_id is None or not (self._outbox.waiting[mcu_id] or self.unwritten(mcu_id)):
            return  # another collector's
        try:
            receipt = Receipt.model_validate_json(message.payload)
        except ValidationError as error:
            log.warning("Unreadable receipt on %s: %s", message.topic, error)
            return
        for rejected in receipt.rejected:
            log.error("The recorder rejects %s of %s: %s", rejected.id, mcu_id, rejected.reason)
        ids = receipt.recorded + [rejected.id for rejected in receipt.rejected]
        if self.backlog.receipted(ids, receipt.postponed):
            self.send_again()  # first, so that the recorder has work while our disk syncs
        self._unwritten = deque(item for item in self._unwritten if item.id not in ids)
        try:
            self._outbox.delete(mcu_id, ids)
        except sqlite3.OperationalError as error:
            log.warning("The outbox does not let go of what is recorded: %s", error)

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
            if not kept:
                continue
            chunk = self._fitting(kept)
            if not chunk:
                self.backlog.passed_over(mcu_id, kept[-1].n)
                return False
            payload = f"[{','.join(item.payload for item in chunk)}]"
            if self._publish(Message(self._topics.backlog(mcu_id), payload)):
                self.backlog.sent(mcu_id, chunk[-1].n, [item.id for item in chunk], now_s)
                return True
            self.backlog.not_sent(now_s)
            return False
        self.backlog.passed_all(now_s)
        return False

    @property
    def sent_again(self) -> int:
        """How many items went out again for want of a receipt."""
        return self.backlog.sent_again

    def link_lost(self) -> None:
        """There is no broker any more: what was under way may be lost."""
        self.backlog.link_lost()

    def unwritten(self, mcu_id: str | None = None) -> int:
        """How many items, of this battery or of all, are in memory alone: a stop loses them."""
        return sum(mcu_id in (None, item.mcu_id) for item in self._unwritten)

    def recorder_is_ready(self) -> None:
        """A recorder says that it is able to write."""
        self.backlog.hurry(time.monotonic() + random.uniform(0, JITTER_S))  # noqa: S311  # spreads the collectors, no secret

    def _fitting(self, kept: Sequence[Kept]) -> list[Kept]:
        """As many as fit into a chunk, without what is damaged or too long for the broker."""
        most = self.backlog.chunk_bytes
        if (longest := self._longest_payload()) is not None:
            most = min(most, longest)
        room, chunk, damaged = most, list[Kept](), list[Kept]()
        for item in kept:
            if not _is_whole(item):
                damaged.append(item)
                continue
            size = len(item.payload.encode()) + 2
            if size > most:
                self._say_too_long(item, most)
            elif size > room:
                break
            else:
                chunk.append(item)
                room -= size
        if damaged:
            self._outbox.set_items_aside(damaged)
        return chunk

    def _say_too_long(self, item: Kept, most: int) -> None:
        if self._said_too_long != most:
            log.error("No more than %d bytes can be sent at once: %s waits", most, item.id)
        self._said_too_long = most

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
            too_many = len(self._unwritten) - MOST_UNWRITTEN
            for _ in range(too_many):
                self._unwritten.popleft()
            self._outbox.count_dropped(max(0, too_many), "neither the disk nor the memory has room")
            return [None] * len(items)
        if self._disk_fails:
            log.info("The outbox can be written again; %d items had to wait", len(waiting))
        self._disk_fails = False
        self._unwritten.clear()
        return list(numbers[len(waiting) :])


def _is_whole(item: Kept) -> bool:
    """Whether a damaged disk has left it as it was: one broken text would break its whole chunk."""
    try:
        value = from_json(item.payload)
    except (TypeError, ValueError):  # TypeError: not even a text
        return False
    return isinstance(value, dict) and value.get("id") == item.id
