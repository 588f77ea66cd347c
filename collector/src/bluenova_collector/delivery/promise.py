"""The collector's side of the promise: nothing that was measured is lost, whatever is killed.

An item is committed to the outbox and synced before it is published. It is deleted only when a
receipt names it, and sent again until then.
"""

import logging
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from bluenova_collector.delivery.outbox import Kept, Outbox
from bluenova_collector.delivery.outbox_file import DiskTrouble
from bluenova_collector.delivery.pacing import Pacing
from bluenova_collector.delivery.stagger import Stagger
from bluenova_collector.memory import Memory
from bluenova_shared.logs import Change
from bluenova_shared.message import Message
from bluenova_shared.mqtt.events import TOO_LONG, Publisher, Sent, TooLong
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.topics import Topics
from bluenova_shared.wire import Item, Receipt, chunk_json

log = logging.getLogger(__name__)

# About as many as fit into a chunk.
MOST_ITEMS = 125
# What a full disk does not take waits in memory: some hours of one battery.
MOST_UNWRITTEN = 2000
# Recorders come back to many collectors at once.
JITTER_S = 0.2
# A recorder that is silent for so long while something waits may not be there at all.
ALONE_AFTER_S = 3600.0


@dataclass
class Delivery:
    """Commits, publishes to `broker`, and sends again. `steady` is a clock that never jumps."""

    outbox: Outbox
    topics: Topics
    broker: Publisher
    steady: Callable[[], float]
    pacing: Pacing
    has_recorder: bool = True
    stagger: Stagger = field(default_factory=Stagger)
    _heard_s: float | None = None  # when a recorder was heard of last
    _alone: Change = field(default_factory=lambda: Change(False, every_s=86400.0))
    _unwritten: deque[Item] = field(default_factory=deque)
    _longest: int | None = None  # bytes that the broker takes; None: not known
    _disk_fails: Change = field(default_factory=lambda: Change(False))
    _too_long: Change = field(default_factory=lambda: Change(False))

    def deliver(
        self, for_recorder: Sequence[Item], live: Sequence[Snapshot], memory: Memory
    ) -> None:
        """Commits the items to the outbox; only then publishes what is live, each in its turn.

        If there is no recorder, nothing is kept for one.
        """
        if self.has_recorder:
            numbers = self._commit([*for_recorder, *live], memory)[len(for_recorder) :]
        else:
            self._commit([], memory)
            numbers = [None] * len(live)
        now_s = self.steady()
        for n, snapshot in zip(numbers, live, strict=True):
            message = Message(self.topics.snapshot(snapshot.mcu_id), snapshot.to_json())
            due_s = now_s + self.stagger.delay_s(snapshot.mcu_id)
            if due_s > now_s:
                self.stagger.hold(message, due_s)
            elif not self._publish_live(message):
                continue
            if n is not None:
                self.pacing.published(n, due_s)

    def publish_due(self, now_s: float) -> None:
        """Publishes the live snapshots whose turn has come."""
        for message in self.stagger.due(now_s):
            self._publish_live(message)

    def handle_receipt(self, message: Message) -> None:
        """Deletes what the recorder has committed, or keeps among the rejected; nothing else."""
        mcu_id = self.topics.mcu_of(message.topic)
        if mcu_id is None or not self.waiting(mcu_id):
            return  # another collector's
        try:
            receipt = Receipt.model_validate_json(message.payload)
        except ValidationError as error:
            log.warning("Unreadable receipt on %s: %s", message.topic, error)
            return
        self._heard_s = self.steady()
        for rejected in receipt.rejected:
            log.error("The recorder rejects %s of %s: %s", rejected.id, mcu_id, rejected.reason)
        ids = receipt.recorded + [rejected.id for rejected in receipt.rejected]
        if self.pacing.receipted(ids, receipt.postponed):
            self.send_again()  # first, so that the recorder has work while our disk syncs
        self._unwritten = deque(item for item in self._unwritten if item.id not in ids)
        try:
            self.outbox.delete(mcu_id, ids)
        except DiskTrouble as trouble:
            log.warning("The outbox cannot delete what is recorded: %s", trouble)

    def send_again(self) -> None:
        """Sends the next chunks of what has no receipt, if it is time for any."""
        now_s = self.steady()
        self._note_no_recorder(now_s)
        while self.pacing.may_send(now_s):
            if not self._send_chunk(now_s):
                break

    def recorder_is_ready(self, rows_wait_s: float = 0.0) -> None:
        """A recorder says that it is able to write, and how long live rows wait for one another."""
        self._heard_s = self.steady()
        self.pacing.rows_wait_s = rows_wait_s
        jitter_s = max(JITTER_S, self.stagger.over_s)
        self.pacing.hurry(self.steady() + random.uniform(0, jitter_s))  # noqa: S311  # spreads the collectors, no secret

    def due_times_s(self, now_s: float) -> Iterator[float]:
        """When something is due that waits for its time, by the steady clock."""
        if (live_s := self.stagger.next_s()) is not None:
            yield live_s
        if self.pacing.not_before_s > now_s:
            yield self.pacing.not_before_s

    def link_lost(self) -> None:
        """The connection has ended: what was under way may be lost; the next limit may differ."""
        self._longest = None
        self._too_long.to(False)
        self.pacing.link_lost()

    def waiting(self, mcu_id: str) -> int:
        """How many of the battery's items have no receipt yet."""
        in_memory = sum(item.mcu_id == mcu_id for item in self._unwritten)
        return self.outbox.waiting[mcu_id] + in_memory

    @property
    def unwritten(self) -> int:
        """How many items are in memory alone: a stop loses them."""
        return len(self._unwritten)

    @property
    def sent_again(self) -> int:
        """How many items went out again for want of a receipt."""
        return self.pacing.sent_again

    def _publish_live(self, message: Message) -> bool:
        """Whether the broker took it."""
        match self.broker.publish(message):
            case Sent():
                return True
            case TooLong(longest):
                self._say_too_long(message.topic, len(message.payload), longest)
        return False

    def _send_chunk(self, now_s: float) -> bool:
        """False if there is nothing to send, or nobody to send it to."""
        for mcu_id in [mcu_id for mcu_id, waiting in self.outbox.waiting.items() if waiting > 0]:
            above, below = self.pacing.window(mcu_id, now_s)
            kept = self.outbox.between(above, below, mcu_id, MOST_ITEMS)
            if kept:
                return self._send_some(mcu_id, self._whole(kept), kept[-1].n, now_s)
        self.pacing.passed_all(now_s)
        return False

    def _send_some(self, mcu_id: str, items: Sequence[Kept], last: int, now_s: float) -> bool:
        chunk = self._fitting(items)
        if not chunk:
            self.pacing.passed_over(mcu_id, last)
            return False
        payload = chunk_json(item.payload for item in chunk)
        match self.broker.publish(Message(self.topics.backlog(mcu_id), payload)):
            case Sent():
                self.pacing.sent(mcu_id, chunk[-1].n, [item.id for item in chunk], now_s)
                return True
            case TooLong(longest):
                self._longest = longest
                return self._send_some(mcu_id, items, last, now_s)
            case _:
                self.pacing.rest(now_s)
                return False

    def _whole(self, kept: Sequence[Kept]) -> list[Kept]:
        """Those that the disk has not damaged; the others are set aside."""
        if damaged := [item for item in kept if not item.is_whole]:
            self.outbox.set_items_aside(damaged)
        return [item for item in kept if item.is_whole]

    def _fitting(self, items: Sequence[Kept]) -> list[Kept]:
        """As many as fit into a chunk, without those that are too long for the broker."""
        most = self.pacing.size.bytes
        if self._longest is not None:
            most = min(most, self._longest)
        room, chunk = most, list[Kept]()
        for item in items:
            size = len(item.payload) + 2
            if size > most:
                self._say_too_long(item.id, size, self._longest or most)
            elif size > room:
                break
            else:
                chunk.append(item)
                room -= size
        return chunk

    def _note_no_recorder(self, now_s: float) -> None:
        self._heard_s = now_s if self._heard_s is None else self._heard_s
        waiting = self.outbox.waiting.total()
        is_alone = waiting > 0 and now_s - self._heard_s >= ALONE_AFTER_S
        if self._alone.to(is_alone, now_s) and is_alone:
            log.warning(
                "No recorder has been heard of for %d minutes, and %d items wait for one. If there "
                "is none, set RECORDER=none",
                *((now_s - self._heard_s) // 60, waiting),
            )

    def _say_too_long(self, what: str, size: int, longest: int) -> None:
        if self._too_long.to(True):
            log.error(TOO_LONG, longest, what, size)

    def _commit(self, items: Sequence[Item], memory: Memory) -> list[int | None]:
        """The items' numbers in the outbox. A full disk costs durability, not the live values."""
        waiting = list(self._unwritten)
        try:
            numbers = self.outbox.commit([*waiting, *items], memory)
        except DiskTrouble as trouble:
            if self._disk_fails.to(True):
                log.error("The outbox cannot be written: %s. What comes is kept in memory", trouble)
            self._unwritten.extend(items)
            too_many = max(0, len(self._unwritten) - MOST_UNWRITTEN)
            for _ in range(too_many):
                self._unwritten.popleft()
            self.outbox.count_dropped(too_many, "neither the disk nor the memory has room")
            return [None] * len(items)
        if self._disk_fails.to(False):
            log.info("The outbox can be written again; %d items had to wait", len(waiting))
        self._unwritten.clear()
        return list(numbers[len(waiting) :])
