"""`bluenova-recorder redrive`: tries what was rejected once more, and stores what is good now."""

import logging

from psycopg2 import extensions as pg

from bluenova_recorder.intake import judge
from bluenova_recorder.store import Store
from bluenova_shared.message import Message
from bluenova_shared.topics import Topics

log = logging.getLogger(__name__)


def redrive(store: Store, topics: Topics) -> tuple[int, int]:
    """Tries each rejected message once more; returns how many were stored and how many were not.

    Stored first, deleted from the rejected ones then: killed in between, it is tried again, and
    stored once all the same. Raises psycopg2.Error if the database is away.
    """
    db = store.open()
    stored = failed = 0
    for topic, payload in _rejected(db):
        judged = judge(Message(topic, payload), topics)
        why = [one.reason for one in judged.rejected] + judged.ignored
        if not why:
            written = store.write(judged.items)
            why = [one.reason for one in written.rejected] or ["no room"] * len(written.not_kept)
            if any((one.topic, one.payload) != (topic, payload) for one in written.rejected):
                _delete(db, topic, payload)  # it has just been kept in another form
        if why:
            log.warning("Still rejected: %s: %s", ascii(topic), "; ".join(why))
            failed += 1
            continue
        _delete(db, topic, payload)
        stored += 1
    return stored, failed


def _delete(db: pg.connection, topic: str, payload: bytes) -> None:
    with db, db.cursor() as cursor:
        cursor.execute(
            "DELETE FROM battery_pack_rejected WHERE topic = %s AND payload = %s",
            [topic, payload],
        )


def _rejected(db: pg.connection) -> list[tuple[str, bytes]]:
    with db, db.cursor() as cursor:
        cursor.execute("SELECT topic, payload FROM battery_pack_rejected ORDER BY rejected_at")
        return [(topic, bytes(payload)) for topic, payload in cursor.fetchall()]
