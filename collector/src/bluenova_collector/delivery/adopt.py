"""Takes over what other outboxes have not delivered: a battery's address may have changed."""

import contextlib
import logging
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from bluenova_collector.delivery.damage import whole
from bluenova_collector.delivery.outbox import Outbox
from bluenova_collector.delivery.outbox_file import DiskTrouble
from bluenova_shared.wire import Item

log = logging.getLogger(__name__)

AT_ONCE = 1000
_OLDEST = "SELECT id, mcu_id, payload FROM outbox ORDER BY n LIMIT ?"


def adopt(outbox: Outbox, others: Iterable[Path]) -> None:
    """Moves the items of the other files, unless a collector uses them, into the outbox.

    Committed there first and deleted then: a kill in between leaves them in both, and what comes
    twice is stored once. What the other files remember of their batteries stays.
    """
    for path in others:
        moved = 0
        with (
            contextlib.suppress(sqlite3.Error, DiskTrouble),  # in use, damaged, or no room
            contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", 0, uri=True)) as db,
        ):
            while items := _oldest(db):
                outbox.take_over(items)
                with db:
                    named = [(item.id,) for item in items]
                    db.executemany("DELETE FROM outbox WHERE id = ?", named)
                moved += len(items)
        if moved:
            log.warning("%d items that %s had not delivered are taken over", moved, path)


def _oldest(db: sqlite3.Connection) -> list[Item]:
    """Those of the oldest that are whole."""
    found = db.execute(_OLDEST, (AT_ONCE,)).fetchall()
    return [item for item in map(whole, found) if item is not None]
