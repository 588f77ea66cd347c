"""What stands in an outbox, seen without touching it.

A collector at work holds a lock on its outbox; and even to open one for reading would make files
beside it and lock it for an instant. So its files are copied, and the copy is opened. One that is
too big for that is read as if nobody could write to it: without locks, and without what SQLite has
not moved into its main file yet.
"""

import contextlib
import dataclasses
import errno
import fcntl
import os
import shutil
import sqlite3
import struct
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from bluenova_collector.delivery.damage import disk_fails
from bluenova_collector.delivery.outbox import MEMORY
from bluenova_collector.memory import Memory

# In a container the copy is in memory.
MOST_BYTES = 24 * 2**20
_TRIES = 5
_PAUSE_S = 0.2  # moving all that waits in the "-wal" file, 4 MB, takes a fast disk less
_PARTS = ("", "-wal")
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"

# Where SQLite locks a file, by its file format: who has it alone locks these bytes for writing.
_SHARED_FIRST, _SHARED_BYTES = 0x40000002, 510
_FLOCK = "hhqqi4x"  # struct flock of Linux with 64-bit offsets: type, whence, start, length, pid


class NoOutbox(Exception):  # noqa: N818  # reads better than NoOutboxError where it is caught
    """The file is something else; the message says what."""


class BeingWritten(Exception):  # noqa: N818  # reads better, too
    """The file was written whenever it was read."""


@dataclass(frozen=True)
class Contents:
    """An outbox's name, what waits in it by battery, the oldest of it, and its memory.

    `oldest_s` is in seconds since 1970. `battery` is whose memory it is: host and port.
    """

    name: str = ""
    battery: str = ""
    waiting: Counter[str] = field(default_factory=Counter)
    oldest_s: int | None = None
    memory: Memory = field(default_factory=Memory)
    is_exact: bool = True


def user_of(path: Path) -> int | None:
    """The number of the process that has the outbox open alone; None if there is none.

    Raises OSError.
    """
    with path.open("rb") as file:
        ask = struct.pack(_FLOCK, fcntl.F_RDLCK, os.SEEK_SET, _SHARED_FIRST, _SHARED_BYTES, 0)
        kind, *_, pid = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, ask))
    return None if kind == fcntl.F_UNLCK else int(pid)


def contents_of(path: Path, most_bytes: int = MOST_BYTES) -> Contents:
    """What stands in the outbox now; of one that is bigger than `most_bytes`, what stood in it.

    Raises OSError, sqlite3.Error, NoOutbox, BeingWritten. An OSError with ENOSPC: there is no room
    for the copy.
    """
    if sum(size for size, _ in _state_of(path)) > most_bytes:
        return _read_in_place(path)
    with tempfile.TemporaryDirectory(prefix="bluenova-check-") as folder:
        copy = Path(folder) / "copy.sqlite"
        is_whole = _copied(path, copy)
        try:
            with contextlib.closing(sqlite3.connect(copy)) as db:
                return _read(db)
        except sqlite3.DatabaseError as error:
            if not is_whole:
                raise BeingWritten from error
            # SQLite makes a file beside the copy, too, for which there may be no room.
            if isinstance(error, sqlite3.OperationalError) and disk_fails(error):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise


def _read_in_place(path: Path) -> Contents:
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    for _ in range(_TRIES):
        try:
            with contextlib.closing(sqlite3.connect(uri, uri=True)) as db:
                return dataclasses.replace(_read(db), is_exact=False)
        except sqlite3.DatabaseError:
            # While SQLite moves what is in "-wal" into the main file, only half of it is there.
            if not any(size for size, _ in _state_of(path)[1:]):
                raise
        time.sleep(_PAUSE_S)
    raise BeingWritten


def _copied(path: Path, copy: Path) -> bool:
    """Copies the files; gives whether nothing was written meanwhile."""
    for _ in range(_TRIES):
        before = _state_of(path)
        for part in _PARTS:
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(f"{path}{part}", f"{copy}{part}")
        if _state_of(path) == before:
            return True
        time.sleep(_PAUSE_S)
    return False


def _state_of(path: Path) -> list[tuple[int, int]]:
    found = []
    for part in _PARTS:
        try:
            one = Path(f"{path}{part}").stat()
        except FileNotFoundError:
            continue
        found.append((one.st_size, one.st_mtime_ns))
    return found


def _read(db: sqlite3.Connection) -> Contents:
    tables = [str(name) for (name,) in db.execute(_TABLES)]
    if not tables:  # an empty file: the collector begins its outbox in it
        return Contents()
    if "known" not in tables:
        raise NoOutbox(f"an SQLite file with other tables ({', '.join(tables[:3])})")
    known = dict(db.execute("SELECT key, value FROM known"))
    waiting = Counter(dict(db.execute("SELECT mcu_id, count(*) FROM outbox GROUP BY mcu_id")))
    (oldest_s,) = db.execute("SELECT min(time_s) FROM outbox").fetchone()
    try:
        memory = MEMORY.validate_json(known.get("memory", "{}"))
    except ValidationError:
        memory = Memory()
    return Contents(known.get("name", ""), known.get("battery", ""), waiting, oldest_s, memory)
