"""The table of what can never be stored: kept as it came, or was to be stored, up to a limit."""

import logging
from collections.abc import Sequence

from psycopg2 import extensions as pg

from bluenova_recorder.intake import RejectedItem

log = logging.getLogger(__name__)

# Room for what a person may want to look at; when it is full, what comes gets no receipt.
MOST_ROWS = 10_000
MOST_BYTES = 64 * 2**20

_ROOM = (
    "SELECT %s - count(*), %s - coalesce(sum(octet_length(payload)), 0) FROM battery_pack_rejected"
)
_INSERT = (
    "INSERT INTO battery_pack_rejected (topic, payload, reason) VALUES (%s, %s, %s) "
    "ON CONFLICT DO NOTHING"
)
_IS_THERE = "SELECT FROM battery_pack_rejected WHERE topic = %s AND md5(payload) = md5(%s)"


def keep(cursor: pg.cursor, items: Sequence[RejectedItem]) -> list[RejectedItem]:
    """Stores them, within the caller's transaction; returns those that are in the table now."""
    if not items:
        return []
    cursor.execute(_ROOM, [MOST_ROWS, MOST_BYTES])
    rows, size = cursor.fetchone() or (0, 0)
    kept = []
    for one in items:
        if rows > 0 and size >= len(one.payload):
            cursor.execute(_INSERT, [one.topic, one.payload, _plain(one.reason)])
            rows, size = rows - cursor.rowcount, size - cursor.rowcount * len(one.payload)
            kept.append(one)
            continue
        cursor.execute(_IS_THERE, [one.topic, one.payload])
        if cursor.rowcount:
            kept.append(one)
    return kept


def _plain(text: str) -> str:
    """The text in characters that every database can hold, whatever its encoding."""
    return "".join(
        char if char.isascii() and char.isprintable() else ascii(char)[1:-1] for char in text
    )
