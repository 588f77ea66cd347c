"""Takes a message apart: the items to store, and those that can never be stored. Pure."""

import json
import re
from dataclasses import dataclass, field

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from bluenova_shared.message import Message
from bluenova_shared.topics import Topics
from bluenova_shared.wire import CHUNK_BYTES, Event, Item, read_chunk, read_item

# Earlier copies of this version send chunks twice as long as today's.
LONGEST_BYTES = 2 * CHUNK_BYTES
# A chunk of the shortest items that are any good has fewer.
MOST_ITEMS = 3000
_ID = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True)
class RejectedItem:
    """An item that can never be stored, and why; `id` and `mcu_id` if a receipt can name it."""

    topic: str
    payload: bytes
    reason: str
    mcu_id: str | None = None
    id: str | None = None


@dataclass
class Judged:
    """What came of a message: what to store, to keep as rejected, and to leave alone, and why.

    What is `postponed` (the ids) may be storable one day: its sender is to keep it.
    """

    items: list[Item] = field(default_factory=list)
    rejected: list[RejectedItem] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    postponed: list[str] = field(default_factory=list)
    is_chunk: bool = False  # whose sender waits for its receipt


def judge(message: Message, topics: Topics) -> Judged:
    """Takes a message apart. Never raises.

    Ignored means: neither stored nor kept nor receipted: what is no battery's message, and what is
    postponed because its schema is not known here.
    """
    payload = message.payload if isinstance(message.payload, bytes) else message.payload.encode()
    mcu_id = topics.mcu_of(message.topic)
    if mcu_id is None:
        return Judged(ignored=["not a battery's topic"])
    if message.retain:
        # A retained one would come again at each connection.
        return Judged(ignored=["retained"])
    if not payload:
        return Judged()  # what clears a retained message
    if len(payload) > LONGEST_BYTES:
        return Judged(ignored=[f"longer than {LONGEST_BYTES} bytes"])
    if message.topic == topics.snapshot(mcu_id):
        return _judge_item(payload, message.topic, mcu_id, is_live=True)
    judged = _judge_chunk(payload, message.topic, mcu_id)
    judged.is_chunk = True
    return judged


def _judge_chunk(payload: bytes, topic: str, mcu_id: str) -> Judged:
    try:
        items = read_chunk(payload)
    except ValidationError:
        return _judge_one_by_one(payload, topic, mcu_id)
    if all(item.mcu_id == mcu_id for item in items):
        return Judged(items)
    return _judge_one_by_one(payload, topic, mcu_id)


def _judge_one_by_one(payload: bytes, topic: str, mcu_id: str) -> Judged:
    """Nothing but the rejected items is lost."""
    try:
        values = json.loads(payload)
    except (ValueError, RecursionError) as error:
        return Judged(rejected=[RejectedItem(topic, payload, f"payload: {error}")])
    if isinstance(values, dict):  # one that was rejected, and is driven in again
        values = [values]
    if not isinstance(values, list) or len(values) > MOST_ITEMS:
        return Judged(
            rejected=[RejectedItem(topic, payload, f"no array of at most {MOST_ITEMS} items")]
        )
    judged = Judged()
    for value in values:
        one = _judge_item(json.dumps(value).encode(), topic, mcu_id)
        judged.items += one.items
        judged.rejected += one.rejected
        judged.ignored += one.ignored
        judged.postponed += one.postponed
    return judged


def _judge_item(payload: bytes, topic: str, mcu_id: str, *, is_live: bool = False) -> Judged:
    try:
        item = read_item(payload)
    except ValidationError as error:
        if any(_is_unknown_schema(details) for details in error.errors()):
            known = [] if (name := _id_of(payload)) is None else [name]
            return Judged(ignored=["a schema that this recorder does not know"], postponed=known)
        return Judged(
            rejected=[RejectedItem(topic, payload, explain(error), mcu_id, _id_of(payload))]
        )
    if item.mcu_id != mcu_id:
        reason = f"mcu_id {item.mcu_id} does not belong to the topic"
    elif is_live and isinstance(item, Event):
        reason = "an event, where only snapshots belong"
    else:
        return Judged([item])
    return Judged(rejected=[RejectedItem(topic, payload, reason, mcu_id, item.id)])


def _is_unknown_schema(details: ErrorDetails) -> bool:
    return details["loc"][-1:] == ("schema",)


def _id_of(payload: bytes) -> str | None:
    """The item's id, if it can be read, whatever else is wrong."""
    try:
        value = from_json(payload)
    except ValueError:
        return None
    name = value.get("id") if isinstance(value, dict) else None
    return name if isinstance(name, str) and _ID.fullmatch(name) else None


def explain(error: ValidationError) -> str:
    """What is wrong, in one line: each wrong key and why, without its value."""
    reasons = []
    for details in error.errors(include_input=False, include_url=False, include_context=False):
        key = ".".join(map(str, details["loc"])) or "payload"
        reasons.append(f"{key}: {details['msg'].removeprefix('Value error, ')}")
    return "; ".join(reasons)[:500]
