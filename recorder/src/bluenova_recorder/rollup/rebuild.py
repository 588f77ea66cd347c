"""`bluenova-recorder rollup --rebuild`: computes all hours anew."""

import logging
import time
from contextlib import closing
from typing import TextIO

from psycopg2 import extensions as pg

from bluenova_recorder import schema
from bluenova_recorder.account import Account, transaction
from bluenova_recorder.housekeeping import renew
from bluenova_recorder.rollup import triggers
from bluenova_recorder.rollup.fill import Filled, fill, start_anew
from bluenova_recorder.rollup.keeper import Progress
from bluenova_recorder.rollup.renew import WAITS, Waits
from bluenova_recorder.rollup.transactions import Busy, connect, step

log = logging.getLogger(__name__)

WIDTH = 40
AGAIN_AFTER_S = 0.2


def rebuild(account: Account, terminal: TextIO, waits: Waits = WAITS) -> None:
    """Computes all hours anew from the rows, the newest first, beside recorders at work.

    Hours without rows go, except those whose rows were removed on purpose. On a terminal there is a
    bar. Killed in between, a recorder goes on where this stopped. Raises psycopg2.Error.
    """
    with closing(account.connect()) as db:
        schema.prepare(db)
        renew(db)
        with transaction(db) as cursor:
            missing = triggers.unmarked(cursor)
        triggers.see_to(account, missing)
        with transaction(db) as cursor:
            start_anew(cursor)
    progress = Progress()
    with closing(connect(account)) as db:
        while (filled := _fill(db, waits)) is not None:
            progress.say(filled)
            if terminal.isatty():
                _draw(terminal, progress.percent(filled), filled)
    if terminal.isatty():
        terminal.write("\n")
    log.info("battery_pack_hours is computed anew from all rows")


def _fill(db: pg.connection, waits: Waits) -> Filled | None:
    while True:
        try:
            with step(db) as cursor:
                return fill(cursor, waits, clear=True)
        except (Busy, pg.TransactionRollbackError):  # a recorder is at it, or was
            time.sleep(AGAIN_AFTER_S)


def _draw(terminal: TextIO, percent: int, filled: Filled) -> None:
    done = WIDTH * percent // 100
    where = f"back to {filled.begin:%Y-%m-%d}" if filled.begin else "done"
    terminal.write(f"\r[{'#' * done}{'.' * (WIDTH - done)}] {percent:3} % {where:24}")
    terminal.flush()
