"""The messages between the outbox and the recorder: events, backlog chunks and receipts. Pure.

The recorder stores an item, commits, and only then names it in a receipt; until then the collector
keeps it.
"""

import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationError,
)

from bluenova_shared.decimals import ExactSnapshot, has_long_numbers, rounded
from bluenova_shared.identity import ItemId, McuId, Time
from bluenova_shared.snapshot import SCHEMA, Snapshot

T = TypeVar("T")

# A chunk is never longer than this, nor than what the broker announces as its limit.
CHUNK_BYTES: Final = 64 * 1024

# The settings go no further; a word that does must not keep a collector waiting.
MOST_ROWS_WAIT_S: Final = 60.0
_READY = re.compile(r"ready ([0-9]{1,3}(?:\.[0-9]{1,6})?)")

Occasion = Literal["battery_lost", "battery_back", "collector_started", "collector_stopped"]

_STRICT = ConfigDict(frozen=True, strict=True, allow_inf_nan=False, hide_input_in_errors=True)


class Event(BaseModel):
    """Why there may be no rows from here on, or that there will be some again."""

    model_config = _STRICT

    schema_: Literal[1] = Field(default=SCHEMA, alias="schema")
    event: Occasion
    time: Time
    mcu_id: McuId
    id: ItemId | None = None
    interval_s: Annotated[int, Field(ge=1, le=86400)] = Field(
        description="the seconds between two snapshots of this collector"
    )


def _kind(value: object) -> str:
    return "event" if isinstance(value, dict) and "event" in value else "snapshot"


Item = Snapshot | Event
# By a mark, not by trying: an event with a mistake must not pass for an empty snapshot.
_MarkedItem = Annotated[
    Annotated[Snapshot, Tag("snapshot")] | Annotated[Event, Tag("event")], Discriminator(_kind)
]
_MarkedExactItem = Annotated[
    Annotated[ExactSnapshot, Tag("snapshot")] | Annotated[Event, Tag("event")],
    Discriminator(_kind),
]
ITEM: TypeAdapter[Item] = TypeAdapter(_MarkedItem)


@dataclass(frozen=True)
class _Ways(Generic[T]):
    """The ways to read JSON, the quickest first, which takes the least."""

    exact_snapshots: Callable[[bytes], T]
    exact_items: Callable[[bytes], T]
    items: Callable[[bytes], T]


def _way(kind: Any) -> Callable[[bytes], Any]:
    return TypeAdapter[Any](kind).validator.validate_json


_ITEM = _Ways[Item](_way(ExactSnapshot), _way(_MarkedExactItem), ITEM.validate_json)
_CHUNK = _Ways[list[Item]](
    _way(list[ExactSnapshot]), _way(list[_MarkedExactItem]), _way(list[_MarkedItem])
)


def read_item(payload: bytes) -> Item:
    """An item from its JSON, its numbers as the table holds them. Raises ValidationError."""
    return _read(payload, _ITEM)


def read_chunk(payload: bytes) -> list[Item]:
    """Likewise the items of a chunk. Raises ValidationError if one of them is none."""
    return _read(payload, _CHUNK)


def _read(payload: bytes, ways: _Ways[T]) -> T:
    if not has_long_numbers(payload):
        way = ways.exact_items if _may_hold_event(payload) else ways.exact_snapshots
        try:
            return way(payload)
        except ValidationError:
            pass  # numbers are to be rounded, or what is wrong is said in one way
    return ways.items(rounded(payload))


def _may_hold_event(payload: bytes) -> bool:
    """Whether there may be an event in it, however spelled: to look in each item takes longer."""
    return b"event" in payload or b"\\" in payload


def to_chunk_json(item: Item) -> str:
    """The item as it goes into a chunk: without what follows from the rest."""
    return item.model_dump_json(by_alias=True, exclude_computed_fields=True)


def chunk_json(items: Iterable[bytes]) -> bytes:
    """A chunk of items that are JSON already."""
    return b"[" + b",".join(items) + b"]"


class Rejected(BaseModel):
    """An item that can never be stored, and why."""

    model_config = _STRICT

    id: ItemId
    reason: str


class Receipt(BaseModel):
    """What the recorder has committed; what it rejected, it keeps in a table of its own.

    What is `postponed` has come, and cannot be stored nor kept now: the collector keeps it.
    """

    model_config = _STRICT

    schema_: Literal[1] = Field(default=SCHEMA, alias="schema")
    recorded: list[ItemId] = []
    rejected: list[Rejected] = []
    postponed: list[ItemId] = []

    def to_json(self) -> str:
        """The receipt as it goes over MQTT."""
        return self.model_dump_json(by_alias=True)


def ready(rows_wait_s: float) -> str:
    """A recorder's word that it is able to write, and how long a live row may wait for others."""
    return f"ready {rows_wait_s:g}"


def rows_wait_s(word: str | bytes) -> float:
    """What a recorder's word says of that, in seconds; 0 if it does not say it."""
    text = word.decode("utf-8", "replace") if isinstance(word, bytes) else word
    said = _READY.fullmatch(text)
    return min(float(said[1]), MOST_ROWS_WAIT_S) if said else 0.0


def new_id(time: datetime) -> str:
    """A name that no other item has, nor will have: a receipt is for one measurement alone.

    It begins with the hour of the item's `time`, so that items that wait together stand together in
    the outbox's index; the rest is random. To delete a week's items takes half the writing then.
    """
    hour = int(time.timestamp()) // 3600
    return f"{hour & 0xFFFF:04x}{secrets.token_hex(6)}"
