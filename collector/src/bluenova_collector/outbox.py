"""The collector's one file: what it must know again after a restart, in SQLite."""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from bluenova_shared.settings import WrongSettings

log = logging.getLogger(__name__)

T = TypeVar("T")

_SCHEMA = "CREATE TABLE IF NOT EXISTS known (key TEXT PRIMARY KEY, value TEXT NOT NULL)"
_WITH_THE_FILE = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True)
class Memory:
    """What a collector remembers of its battery: see the Assembler and the Intervals."""

    mcu_id: str | None = None
    totals: Mapping[str, dict[str, float]] = field(default_factory=dict)
    last_end_s: int | None = None


class Outbox:
    """The file at `path`; all calls come from one thread, and what they write is synced on return.

    `battery` (host and port) is whose memory it is: another battery starts without it. A damaged
    file is set aside under another name and a new one begun. Raises WrongSettings where there
    cannot be a file at all.
    """

    def __init__(self, path: Path, battery: str) -> None:
        self._path = path
        self._battery = battery
        self._guarded(self._open)
        # The collector's own name among all: random, made once.
        self.name = self._guarded(self._known).get("name") or secrets.token_hex(4)
        self._guarded(lambda: self._put(name=self.name))

    def recall(self) -> Memory:
        """What was remembered of this battery."""
        known = self._guarded(self._known)
        if known.get("battery") != self._battery:
            return Memory()
        return Memory(**json.loads(known["memory"]))

    def remember(self, memory: Memory) -> None:
        """Stores it in place of what was remembered."""
        kept = json.dumps(vars(memory))
        self._guarded(lambda: self._put(name=self.name, battery=self._battery, memory=kept))

    def close(self) -> None:
        """Gives the file back."""
        self._db.close()

    def _guarded(self, operation: Callable[[], T]) -> T:
        try:
            return operation()
        except sqlite3.DatabaseError as error:
            # The lower eight bits are the kind of error, the others its variety.
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise
            self._set_aside(error)
        self._open()
        return operation()

    def _open(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # Exclusive: a second collector on the same file would take this one's place.
            self._db = sqlite3.connect(self._path, timeout=5)
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            with self._db:
                self._db.execute(_SCHEMA)
        except (OSError, sqlite3.OperationalError) as error:
            raise WrongSettings(
                f"The outbox {self._path} cannot be used ({error}). Set OUTBOX_PATH to a file in a "
                "folder that is ours to write, one for each collector."
            ) from None

    def _set_aside(self, error: Exception) -> None:
        self._db.close()
        aside = f"{self._path}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        log.error("The outbox %s is damaged (%s): kept as %s, begun anew", self._path, error, aside)
        for ending in _WITH_THE_FILE:
            part = Path(f"{self._path}{ending}")
            if part.exists():
                part.rename(aside + ending)

    def _known(self) -> dict[str, str]:
        return dict(self._db.execute("SELECT key, value FROM known"))

    def _put(self, **values: str) -> None:
        with self._db:
            self._db.executemany("INSERT OR REPLACE INTO known VALUES (?, ?)", values.items())
