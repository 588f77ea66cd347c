"""What disks do to the outbox's file, and what can still be read of a damaged one."""

import contextlib
import errno
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from bluenova_shared.wire import ITEM, Item, chunk_json

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
_ALL_ITEMS = "SELECT n, id, mcu_id, payload FROM outbox ORDER BY n"


def whole_items(path: Path) -> Iterator[tuple[int, str, str, int, str]]:
    """The items of a damaged file that are whole: n, id, mcu_id, time_s, payload.

    First those from the beginning up to the damage, then those from the end back to it.
    """
    for order in ("ASC", "DESC"):
        with (
            contextlib.suppress(sqlite3.DatabaseError, UnicodeDecodeError),
            contextlib.closing(sqlite3.connect(path)) as db,
        ):
            db.text_factory = lambda text: text.decode(errors="replace")
            for n, *found in db.execute(f"{_ALL_ITEMS} {order}"):
                if (item := whole(found)) is not None:
                    yield n, found[0], item.mcu_id, int(item.time.timestamp()), found[2]
            return


def whole(found: Sequence[Any]) -> Item | None:
    """The item of a row with id, MCU ID and payload, if nothing of it is damaged."""
    item_id, mcu_id, payload = found
    try:
        item = ITEM.validate_json(payload)
    except (ValidationError, TypeError):  # TypeError: not even a text
        return None
    return item if (item.id, item.mcu_id) == (item_id, mcu_id) else None


class _Named(BaseModel):
    """All that is asked of an item's text; what else it says is read, but not kept."""

    id: str


_NAMED = TypeAdapter(list[_Named])


def are_whole(ids: Sequence[str], payloads: Sequence[str]) -> bool:
    """Whether the items' texts are as they were: one that is broken would break its whole chunk."""
    try:
        named = _NAMED.validate_json(chunk_json(payloads))
    except (TypeError, ValidationError):  # TypeError: not even a text
        return False
    return [one.id for one in named] == list(ids)


def kind(error: Exception) -> int | None:
    """The kind of error in SQLite's own numbers; None if it does not come from SQLite."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF  # the other bits are its variety


def is_damage(error: Exception) -> bool:
    """Whether the file is damaged, and not just a disk full or a call wrong."""
    if isinstance(error, UnicodeDecodeError) or str(error).startswith(_NO_TEXT):
        return True
    return kind(error) in _DAMAGE


def disk_fails(error: OSError | sqlite3.OperationalError) -> bool:
    """Whether the disk is full or fails, which may pass; a forbidden folder does not."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EIO)
    return kind(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
