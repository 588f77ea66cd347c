"""What a collector measured, written down beside its outbox, for the comparison at the end.

A line is written after the outbox's commit and before anybody hears of the items. So whatever was
committed by a collector that was killed before it wrote its line, is in its outbox file still.
"""

import json
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bluenova_collector.delivery.outbox import Outbox
from bluenova_collector.delivery.outbox_file import DiskTrouble
from bluenova_collector.memory import Memory
from bluenova_shared.wire import Item, to_chunk_json


@dataclass
class Truth:
    """What was measured: payloads by id, in the order of their commits.

    `offered` went out live although the disk took nothing: they may be in the table, or not.
    """

    measured: dict[str, dict[str, Any]] = field(default_factory=dict)
    committed_s: dict[str, float] = field(default_factory=dict)
    offered: dict[str, dict[str, Any]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    @property
    def waiting(self) -> int:
        """How many have not left the outbox."""
        return len(self.measured.keys() - self.gone)


class Tap:
    """Appends to the truth's file."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        # The line before may have been cut short by a kill.
        os.write(self._file, b"\n")

    def write(self, what: str, of: Sequence[str]) -> None:
        """Synced on return."""
        line = json.dumps({"t": time.time(), what: of}) + "\n"
        os.write(self._file, line.encode())
        os.fdatasync(self._file)


class TappedOutbox(Outbox):
    """An outbox whose commits are written down."""

    def __init__(
        self, tap: Tap, path: Path, battery: str, limit: int, wall: Callable[[], float]
    ) -> None:
        self._tap = tap
        super().__init__(path, battery, limit, wall)

    def commit(self, items: Sequence[Item], memory: Memory) -> list[int]:
        """As the outbox does it; what it took is written down then."""
        payloads = [to_chunk_json(item) for item in items]
        try:
            numbers = super().commit(items, memory)
        except DiskTrouble:
            self._tap.write("offered", payloads)
            raise
        self._tap.write("measured", payloads)
        return numbers

    def delete(self, mcu_id: str, ids: Sequence[str]) -> int:
        """As the outbox does it."""
        deleted = super().delete(mcu_id, ids)
        self._tap.write("gone", ids)
        return deleted


def write_down_what_is_left(outbox: Path, tap: Path) -> int:
    """Reads the outbox of a collector that was killed; returns how many items are in it."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / outbox.name
        for ending in ("", "-wal"):  # the copy is opened: the original stays as the kill left it
            part = Path(f"{outbox}{ending}")
            if part.exists():
                shutil.copy(part, f"{copy}{ending}")
        if not copy.exists():
            return 0
        with closing(sqlite3.connect(copy)) as db:
            try:
                rows = db.execute("SELECT payload FROM outbox ORDER BY n").fetchall()
            except sqlite3.OperationalError:  # killed before there was a table
                return 0
    Tap(tap).write("measured", [payload for (payload,) in rows])
    return len(rows)


def read_truth(paths: Iterable[Path]) -> Truth:
    """All that was written down; a line that a kill cut short was never committed to."""
    truth = Truth()
    for path in paths:
        for line in path.read_text(encoding="utf-8").split("\n") if path.exists() else ():
            try:
                said = json.loads(line)
            except ValueError:
                continue
            for payload in said.get("measured", ()):
                item = json.loads(payload)
                truth.measured.setdefault(item["id"], item)
                truth.committed_s.setdefault(item["id"], said["t"])
            for payload in said.get("offered", ()):
                item = json.loads(payload)
                truth.offered[item["id"]] = item
            truth.gone.update(said.get("gone", ()))
    return truth
