"""Keeps the hours right: beside recording, over a connection of its own, a step at a time."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import psycopg2
from psycopg2 import errors
from psycopg2 import extensions as pg

from bluenova_recorder.account import Account, transaction
from bluenova_recorder.cures import reason_of
from bluenova_recorder.look import look
from bluenova_recorder.rollup import triggers
from bluenova_recorder.rollup.fill import Filled, fill, is_filled
from bluenova_recorder.rollup.renew import HOURS_IN_STEP, WAITS, Waits, renew_marked
from bluenova_recorder.rollup.retention import Retention
from bluenova_recorder.rollup.transactions import Busy, connect, step
from bluenova_shared.backoff import Backoff
from bluenova_shared.logs import Change
from bluenova_shared.table import TABLE
from bluenova_shared.threads import in_daemon_thread

log = logging.getLogger(__name__)

# How often it is looked for marks, and for tables without triggers, in seconds.
LOOK_EVERY_S = 5.0
TRIGGERS_EVERY_S = 10.0
# After a round of removing old rows.
REMOVE_EVERY_S = 600.0
# What takes no longer than this is not worth a word.
SAY_AFTER_S = 3.0
# The first pause and the longest one after a failure, in seconds.
PAUSES_S = (2.0, 60.0)


@dataclass(frozen=True)
class Every:
    """How often it is looked for work, in seconds."""

    marks_s: float = LOOK_EVERY_S
    triggers_s: float = TRIGGERS_EVERY_S
    remove_s: float = REMOVE_EVERY_S


EVERY = Every()


class HoursKeeper:
    """Marks what changes, computes what is marked or old, and removes old rows if that is wanted.

    `is_recording` tells that the tables are there; `keep_days` None keeps all rows.
    """

    def __init__(
        self,
        account: Account,
        is_recording: Callable[[], bool],
        *,
        keep_days: int | None = None,
        waits: Waits = WAITS,
        every: Every = EVERY,
    ) -> None:
        self._account = account
        self._is_recording = is_recording
        self._waits = waits
        self._every = every
        self._retention = None if keep_days is None else Retention(keep_days)
        self._db: pg.connection | None = None
        self._next_triggers_s = self._next_remove_s = 0.0
        self._trouble = Change()
        self._progress = Progress()

    async def run(self) -> None:
        """Works until cancelled. It takes no more than half of one processor."""
        backoff = Backoff.doubling(*PAUSES_S)
        while True:
            if not self._is_recording():
                await asyncio.sleep(0.5)
                continue
            done = await in_daemon_thread(self.work)
            if done:
                backoff.reset()
            await asyncio.sleep(self._every.marks_s if done else backoff.next_s())

    def work(self) -> bool:
        """Works until there is nothing more to do now; returns whether all went well."""
        try:
            self._see_to_triggers()
            while self._step():
                self._see_to_triggers()
        except psycopg2.Error as error:
            self.close()
            self._say(error)
            return False
        except Exception:
            # Whatever this is, it must not end what records.
            self.close()
            if self._trouble.to("unknown"):
                log.exception("battery_pack_hours cannot be kept. Recording goes on")
            return False
        self._trouble.to(None)
        return True

    def close(self) -> None:
        """Closes the connection, if there is one."""
        db, self._db = self._db, None
        if db is not None:
            db.close()

    def _open(self) -> pg.connection:
        self._db = self._db or connect(self._account)
        return self._db

    def _see_to_triggers(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_triggers_s:
            with transaction(self._open()) as cursor:
                missing = triggers.unmarked(cursor)
            if missing:
                triggers.see_to(self._account, missing)
            self._next_triggers_s = now_s + self._every.triggers_s

    def _step(self) -> bool:
        """One step, and a pause as long as it took; returns whether there may be more to do.

        What is marked goes first: somebody looks at it now.
        """
        began_s = time.monotonic()
        try:
            # Each in a transaction of its own: what one cannot do must not undo the other's work.
            more = self._renew() or self._fill() or self._remove(began_s)
        except Busy:
            return False
        if more:
            time.sleep(time.monotonic() - began_s)
        return more

    def _renew(self) -> bool:
        with step(self._open()) as cursor:
            return renew_marked(cursor, self._waits) >= HOURS_IN_STEP

    def _fill(self) -> bool:
        with step(self._open()) as cursor:
            if is_filled(cursor) or not may_fill(cursor):
                return False
            filled = fill(cursor, self._waits)
        if filled is not None:
            self._progress.say(filled)
        return filled is not None

    def _remove(self, now_s: float) -> bool:
        if self._retention is None or now_s < self._next_remove_s:
            return False
        with step(self._open()) as cursor:
            more = self._retention.remove(cursor)
        if not more:
            self._next_remove_s = now_s + self._every.remove_s
            if self._retention.removed:
                log.info("Removed %d rows that were old enough", self._retention.removed)
                self._retention.removed = 0
        return more

    def _say(self, error: psycopg2.Error) -> None:
        reason = reason_of(error)
        if isinstance(error, pg.TransactionRollbackError):
            return  # somebody else was at the same rows: it is tried again
        # That there is no database at all is said by who records.
        if error.pgcode is None or error.pgcode.startswith("57P") or not self._trouble.to(reason):
            return
        cure = ""
        if isinstance(error, errors.InsufficientPrivilege):
            cure = (
                f". The account needs GRANT TRIGGER, SELECT ON {TABLE} (with KEEP_RAW_DAYS DELETE, "
                "too) and GRANT CREATE on its schema"
            )
        log.warning("battery_pack_hours cannot be kept now (%s)%s. Recording goes on", reason, cure)


def may_fill(cursor: pg.cursor) -> bool:
    """Whether the old rows can be found by their time; an index is built first, if need be."""
    state = look(cursor)
    return state is not None and (state.has_time_index or state.kind != "r" or state.has_heirs)


class Progress:
    """Says how far the filling in is, if it takes long enough to be worth a word."""

    def __init__(self) -> None:
        self._newest: datetime | None = None
        self._began_s = 0.0
        self._tens = Change()

    def say(self, filled: Filled) -> None:
        """Says it at the beginning, at each tenth of the way, and at the end."""
        now_s = time.monotonic()
        if self._newest is None:
            self._newest, self._began_s = filled.newest, now_s
        if now_s - self._began_s < SAY_AFTER_S:
            return
        if filled.begin is None:
            log.info("battery_pack_hours has the hours of all old rows of %s", filled.table)
            self._newest = None
            return
        part = self.percent(filled)
        if self._tens.to((filled.table, part // 10)):
            log.info(
                "Filling in battery_pack_hours from the old rows of %s, newest first: %d %%, "
                "back to %s UTC",
                *(filled.table, part, filled.begin),
            )

    def percent(self, filled: Filled) -> int:
        """How much of the way is done, by time."""
        if filled.begin is None or filled.oldest is None or self._newest is None:
            return 100
        way = self._newest - filled.oldest
        return min(100, int(100 * (self._newest - filled.begin) / way)) if way else 100
