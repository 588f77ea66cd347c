"""What a message is to the recorder: a snapshot to be stored, or a reason why not. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from bluenova_shared.message import Message
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.topics import Topics


@dataclass(frozen=True)
class Refused:
    """A message that is not stored, and why."""

    message: Message
    reason: str


def judge(message: Message, topics: Topics) -> Snapshot | Refused:
    """The snapshot that the message holds, or why it is none. Never raises."""
    if message.retain:
        # Snapshots are live; a retained one would come again at each connection.
        return Refused(message, "retained")
    try:
        snapshot = Snapshot.model_validate_json(message.payload)
    except ValidationError as error:
        return Refused(message, explain(error))
    if topics.mcu_of(message.topic) != snapshot.mcu_id:
        return Refused(message, f"mcu_id {snapshot.mcu_id} does not belong to the topic")
    return snapshot


def explain(error: ValidationError) -> str:
    """What is wrong, in one line: each wrong key and why, without its value."""
    reasons = []
    for details in error.errors(include_input=False, include_url=False, include_context=False):
        key = ".".join(map(str, details["loc"])) or "payload"
        reasons.append(f"{key}: {details['msg']}")
    return "; ".join(reasons)[:500]
