"""Takes over what other outboxes have not delivered: a battery's address may have changed."""

import contextlib
import logging
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from bluenova_collector.delivery.damage import ALL_ITEMS, DAMAGE, kind, whole
from bluenova_collector.delivery.outbox import Outbox
from bluenova_collector.delivery.outbox_file import DiskTrouble
from bluenova_shared.wire import Item

log = logging.getLogger(__name__)

AT_ONCE = 1000


class Adoption:
    """Moves the items of the `other` files into the outbox, some at a time.

    They are committed there first and deleted then: a kill in between leaves them in both, and what
    comes twice is stored once. What the others remember of their batteries stays, and so does a
    file that a collector uses.
    """

    def __init__(self, outbox: Outbox, others: Iterable[Path]) -> None:
        self._outbox = outbox
        self._others = list(others)
        self._moved = 0

    def step(self) -> None:
        """Moves some more, if there is anything left."""
        if not self._others:
            return
        path = self._others[0]
        try:
            moved = self._move(path)
        except (*DAMAGE, DiskTrouble) as error:
            moved = 0
            if kind(error) != sqlite3.SQLITE_BUSY:
                log.error("What %s holds cannot be taken over: %s", path, error)
        self._moved += moved
        if moved == 0:
            if self._moved:
                log.warning("%d items that %s had not delivered are taken over", self._moved, path)
            self._moved = 0
            del self._others[0]

    def _move(self, path: Path) -> int:
        uri = f"{path.absolute().as_uri()}?mode=rw"
        with contextlib.closing(sqlite3.connect(uri, timeout=0, uri=True)) as db:
            found = db.execute(f"{ALL_ITEMS} LIMIT ?", (AT_ONCE,)).fetchall()
            items: list[Item] = [item for item in map(whole, found) if item is not None]
            if items:
                self._outbox.take_over(items)
                with db:
                    named = [(item.id,) for item in items]
                    db.executemany("DELETE FROM outbox WHERE id = ?", named)
            return len(items)
