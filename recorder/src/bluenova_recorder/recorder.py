"""The recorder: takes snapshots from the broker and sees them into the table."""

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import psycopg2

from bluenova_recorder.batch import Batch, Entry
from bluenova_recorder.cures import cure, reason_of
from bluenova_recorder.intake import judge
from bluenova_recorder.receipts import Receipts
from bluenova_recorder.store import Store, Written
from bluenova_recorder.waiting import Waiting
from bluenova_shared.backoff import Backoff
from bluenova_shared.logs import AGAIN_S, Change, Throttle
from bluenova_shared.message import Message
from bluenova_shared.mqtt.events import Connected, TooLong
from bluenova_shared.mqtt.link import MqttLink
from bluenova_shared.table import TABLE
from bluenova_shared.threads import in_daemon_thread
from bluenova_shared.topics import Topics
from bluenova_shared.wire import Receipt, ready

log = logging.getLogger(__name__)

T = TypeVar("T")

SAME_REASON_EVERY_S = 60.0
# The first pause and the longest one before the database is tried again, in seconds.
PAUSES_S = (1.0, 30.0)
# Messages are taken in bunches, as many as come in this time.
GATHER_S = 0.005
BYTES_AT_ONCE = 64 * 1024


class Recorder:
    """Takes messages from `link`, gathers them in `batch`, writes to `store`, sends receipts.

    `steady` is a clock that never jumps; `pauses_s` are the first and the longest pause before the
    database is tried again.
    """

    def __init__(
        self,
        *,
        link: MqttLink,
        topics: Topics,
        batch: Batch,
        store: Store,
        steady: Callable[[], float],
        pauses_s: tuple[float, float] = PAUSES_S,
    ) -> None:
        self._link = link
        self._topics = topics
        self._batch = batch
        self._store = store
        self._steady = steady
        self._pauses_s = pauses_s
        self._filled = asyncio.Event()
        self._taken = asyncio.Event()
        self._throttle = Throttle(SAME_REASON_EVERY_S)
        self._dropped = 0
        self._away = Change(every_s=AGAIN_S)
        self._able = False
        self._waiting = Waiting()
        self._receipts = Receipts()
        self._trying_since_s: float | None = self._steady()

    @property
    def uncommitted_since_s(self) -> float | None:
        """Since when, by the steady clock, something waits to be committed; None: nothing does."""
        since = (self._trying_since_s, self._waiting.since_s(self._steady()))
        return min((one for one in since if one is not None), default=None)

    async def run(self) -> None:
        """Records until cancelled: the next batch is gathered while the last one is committed."""
        await self._reach(self._store.open)
        self._trying_since_s = None
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._gather())
                group.create_task(self._record_batches())
        finally:
            while due := self._receipts.due(self._steady(), is_busy=False):
                self._send_all(due)  # or what is stored is sent again

    async def _gather(self) -> None:
        """Fills the batch, for ever; while it is full, messages wait for their turn."""
        while True:
            events = await self._link.drain()
            self._note_dropped()
            if any(isinstance(event, Connected) for event in events):
                self._announce()  # the word to a broker that has accepted us does not wait
            had_room, handled_bytes = True, 0
            for message in events:
                if not isinstance(message, Message):
                    continue  # what was lost with a connection comes again
                if self._batch.is_full:
                    had_room = False
                    await self._wait_for_room()
                self._handle(message)
                handled_bytes += len(message.payload)
                if handled_bytes > BYTES_AT_ONCE:  # a flood must not keep a SIGTERM waiting
                    handled_bytes = 0
                    await asyncio.sleep(0)
            self._filled.set()
            # To be woken for each message costs more than to handle it. If the batch was full or
            # somebody waits for its receipts, enough has come already.
            is_enough = not had_room or self._batch.wait_s(self._steady()) == 0.0
            await asyncio.sleep(0 if is_enough else GATHER_S)

    async def _wait_for_room(self) -> None:
        while self._batch.is_full:
            self._filled.set()
            self._taken.clear()
            await self._taken.wait()

    async def _record_batches(self) -> None:
        """Writes each batch when it is due, for ever, and sends receipts in between."""
        while True:
            await self._send_due_receipts()
            wait_s = self._batch.wait_s(self._steady())
            if wait_s == 0.0:
                at_once = self._batch.is_awaited
                entries = self._batch.drain()
                self._taken.set()
                await self._record(entries, at_once=at_once)
            else:
                self._filled.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._filled.wait()

    async def _record(self, entries: list[Entry], *, at_once: bool) -> None:
        """The recorder's side of the promise: stores, commits, and only then owes the receipts.

        Killed before the commit, there is no receipt, so it all comes again. Killed after it, too,
        and what is stored already is not stored twice.
        """
        self._trying_since_s = self._steady()
        written = await self._reach(lambda: self._store.write(entries))  # returns after the commit
        self._trying_since_s = None
        self._receipts.owe(written, self._steady(), at_once=at_once)
        self._account_for(written)

    async def _send_due_receipts(self) -> None:
        while True:
            now_s = self._steady()
            due = self._receipts.due(now_s, is_busy=self._batch.wait_s(now_s) is not None)
            if not due:
                break
            self._send_all(due)
            await asyncio.sleep(0)  # what has come meanwhile may be more urgent

    def _send_all(self, due: Sequence[tuple[str, Receipt]]) -> None:
        for mcu_id, receipt in due:
            self._send_receipt(mcu_id, receipt)

    def _send_receipt(self, mcu_id: str, receipt: Receipt) -> None:
        # A lost one costs nothing: its items come again. At QoS 1, a broker that drops
        # acknowledgements ends receipts for good: paho has 20 messages in flight, and no more.
        message = Message(self._topics.recorded(mcu_id), receipt.to_json())
        if isinstance(self._link.publish(message), TooLong):
            self._note("Not sent", message.topic, "the receipt is longer than the broker takes")

    def _announce(self) -> None:
        """Tells the collectors that there is a recorder that is able to write, if there is."""
        if self._able:
            word = ready(self._batch.age_s)
            self._link.publish(Message(self._topics.recorder(), word, qos=1, retain=True))

    def _handle(self, message: Message) -> None:
        judged = judge(message, self._topics)
        for reason in judged.ignored:
            self._note("Ignored", message.topic, reason)
        if judged.postponed and (mcu_id := self._topics.mcu_of(message.topic)) is not None:
            self._send_receipt(mcu_id, Receipt(postponed=judged.postponed))
        entries = [*judged.items, *judged.rejected]
        self._batch.add(entries, self._steady(), at_once=judged.is_chunk)

    async def _reach(self, operation: Callable[[], T]) -> T:
        """Does what needs the database, again and again until it succeeds, at a bounded rate."""
        backoff = Backoff.doubling(*self._pauses_s)
        while True:
            try:
                done = await in_daemon_thread(operation)
            except psycopg2.Error as error:
                self._able = False
                self._link.listen(False)  # another recorder is to have what we cannot store
                reason = reason_of(error)
                if self._away.to(reason, self._steady()):
                    log.warning(
                        "The database does not take anything (%s); trying again%s",
                        *(reason, cure(error)),
                    )
                await self._send_due_receipts()  # or what is stored will be sent again
                await asyncio.sleep(backoff.next_s())
            else:
                if self._away.to(None):
                    log.info("The database is back")
                if not self._able:
                    self._able = True
                    self._link.listen(True)
                    self._announce()
                return done

    def _account_for(self, written: Written) -> None:
        log.debug("Recorded %d items", len(written.recorded))
        for one in written.rejected:
            self._note("Rejected", one.topic, one.reason)
        self._waiting.update(written, self._steady())
        if written.why is not None:
            reason = f"{reason_of(written.why)}{cure(written.why)}"
            self._note("Not stored", TABLE, reason)
        if written.not_kept:
            self._note("No room to keep", "battery_pack_rejected", "see docs/operations.md")

    def _note_dropped(self) -> None:
        if (dropped := self._link.dropped) > self._dropped:
            self._note(
                "Dropped", "all topics", f"{dropped} messages, for want of room; they return"
            )
        self._dropped = dropped

    def _note(self, what: str, where: str, reason: str) -> None:
        kind = re.sub("[0-9]+", "#", reason)  # the same mistake at other places
        more = self._throttle.admit((what, where, kind), self._steady())
        if more is not None:
            log.warning("%s: %s: %s%s", what, ascii(where), reason, more)
