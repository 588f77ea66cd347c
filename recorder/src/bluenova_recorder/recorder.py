"""The recorder: takes snapshots from the broker and sees them into the table."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar, cast

import psycopg2

from bluenova_recorder.batch import Batch
from bluenova_recorder.intake import Refused, judge
from bluenova_recorder.store import Store, Written
from bluenova_shared.logs import Throttle
from bluenova_shared.mqtt import Inbox
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.topics import Topics

log = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
SAME_REASON_EVERY_S = 60.0


class Recorder:
    """Takes messages from `inbox`, gathers them in `batch`, and writes each batch to `store`."""

    def __init__(self, *, inbox: Inbox, topics: Topics, batch: Batch, store: Store) -> None:
        self._inbox = inbox
        self._topics = topics
        self._batch = batch
        self._store = store
        self._throttle = Throttle(SAME_REASON_EVERY_S)
        self._said = ""
        self._nothing_open = asyncio.Event()
        self._nothing_open.set()

    async def run(self) -> None:
        """Records until cancelled."""
        await self._reach(self._store.open)
        while True:
            await self._gather()
            await self._write()

    async def farewell(self, timeout_s: float = 3.0) -> None:
        """Gives what has been gathered a chance to be written, and lets go of the database."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._nothing_open.wait()
        self._store.close()

    async def _write(self) -> None:
        """Writes what has been gathered, however long it takes."""
        snapshots = self._batch.take()
        self._account_for(await self._reach(lambda: self._store.write(snapshots)))
        self._nothing_open.set()

    async def _gather(self) -> None:
        """Fills the batch until it is due."""
        while (wait_s := self._batch.wait_s(time.monotonic())) != 0.0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    for message in await self._inbox.take():
                        judged = judge(message, self._topics)
                        if isinstance(judged, Snapshot):
                            self._batch.add(judged, time.monotonic())
                            self._nothing_open.clear()
                        else:
                            self._note_refused(judged)

    async def _reach(self, operation: Callable[[], T]) -> T:
        """Does what needs the database, again and again until it succeeds, at a bounded rate."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                done = await in_daemon_thread(operation)
            except psycopg2.Error as error:
                self._say_away(" ".join(str(error).split()))
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                if self._said:
                    log.info("The database is back")
                self._said = ""
                return done

    def _account_for(self, written: Written) -> None:
        log.debug("Recorded %d rows", len(written.recorded))
        for snapshot, reason in written.rejected:
            log.error("Not recorded: %s of %s: %s", snapshot.mcu_id, snapshot.time, reason)

    def _note_refused(self, refused: Refused) -> None:
        topic = refused.message.topic
        held_back = self._throttle.admit((topic, refused.reason), time.monotonic())
        if held_back is not None:
            more = f" ({held_back} more since the last one said)" if held_back else ""
            log.warning("Refused: a message on %s: %s%s", ascii(topic), refused.reason, more)

    def _say_away(self, reason: str) -> None:
        """One line per change: the same reason again is not told again."""
        if reason != self._said:
            log.warning("The database does not take anything (%s); trying again", reason)
        self._said = reason


async def in_daemon_thread(operation: Callable[[], T]) -> T:
    """Runs what blocks. A daemon's thread: one that hangs must not hold up the program's end."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def resolve(result: T | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(cast(T, result))

    def run() -> None:
        result, error = None, None
        try:
            result = operation()
        except BaseException as raised:  # it belongs to whoever waits
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop may have been closed
            loop.call_soon_threadsafe(resolve, result, error)

    threading.Thread(target=run, name="database", daemon=True).start()
    return await future
