"""What disks do to the outbox's file, and what can still be read of a damaged one."""

import contextlib
import errno
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bluenova_shared.wire import ITEM, Item

# The errors of a file that is no outbox any more. READONLY: a byte in it says whether it may be
# written.
_DAMAGE = (
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_READONLY,
)
# Python's own error for a text that is not UTF-8; it has no code.
_NO_TEXT = "Could not decode to UTF-8"
# By their places, not by their names, which may be damaged, too. An older file has no checksums.
ALL_ITEMS = "SELECT * FROM outbox ORDER BY n"
# What is raised at a damaged file: a length in it may be too long for any memory, and an error may
# quote a text that is none.
DAMAGE = (sqlite3.DatabaseError, UnicodeDecodeError, MemoryError)


def checksum(item_id: str, mcu_id: str, payload: bytes) -> int:
    """What stands beside an item in the outbox, and fits no more if one bit of it has turned."""
    return zlib.crc32(payload, zlib.crc32(f"{item_id}{mcu_id}".encode()))


def whole_items(path: Path) -> Iterator[tuple[int, Item]]:
    """The items of a damaged file that are whole, with their numbers.

    First those from the beginning up to the damage, then those from the end back to it.
    """
    for order in ("ASC", "DESC"):
        with (
            contextlib.suppress(*DAMAGE),
            contextlib.closing(sqlite3.connect(path)) as db,
        ):
            db.text_factory = lambda text: text.decode(errors="replace")
            for row in db.execute(f"{ALL_ITEMS} {order}"):
                if (item := whole(row)) is not None:
                    yield row[0], item
            return


def whole(row: Sequence[Any]) -> Item | None:
    """The item of a row with all columns, if nothing of it is damaged."""
    if len(row) < 5:
        return None
    _, item_id, mcu_id, _, payload, *crc = row
    if isinstance(payload, str):
        payload = payload.encode()
    if not isinstance(payload, bytes):  # damage can make it a number
        return None
    if crc and crc[0] not in (None, checksum(item_id, mcu_id, payload)):
        return None
    return _item(item_id, mcu_id, payload)


def is_whole(item_id: str, mcu_id: str, payload: bytes | None, crc: int | None) -> bool:
    """Whether an item's text is as it was: one that is broken would break its whole chunk."""
    if payload is None:  # damage can make it that
        return False
    if crc is None:  # an older collector made none
        return _item(item_id, mcu_id, payload) is not None
    return crc == checksum(item_id, mcu_id, payload)


def _item(item_id: str, mcu_id: str, payload: bytes) -> Item | None:
    try:
        item = ITEM.validate_json(payload)
    except ValidationError:
        return None
    return item if (item.id, item.mcu_id) == (item_id, mcu_id) else None


def kind(error: Exception) -> int | None:
    """The kind of error in SQLite's own numbers; None if it does not come from SQLite."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF  # the other bits are its variety


def is_damage(error: Exception) -> bool:
    """Whether the file is damaged, and not just a disk full or a call wrong."""
    if isinstance(error, (UnicodeDecodeError, MemoryError)) or str(error).startswith(_NO_TEXT):
        return True
    return kind(error) in _DAMAGE


def disk_fails(error: OSError | sqlite3.OperationalError) -> bool:
    """Whether the disk is full or fails, which may pass; a forbidden folder does not."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EIO)
    return kind(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
