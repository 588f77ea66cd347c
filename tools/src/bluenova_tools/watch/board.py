"""What a viewer knows: the newest of every battery and collector, kept from MQTT messages.

Pure: messages and times are passed in.
"""

from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from bluenova_shared.snapshot import Snapshot
from bluenova_shared.topics import NOBODY, Topics

USUAL_INTERVAL_S = 10.0
LONGEST_INTERVAL_S = 3600.0


@dataclass
class Battery:
    """One battery as it was last heard of."""

    mcu: str
    snapshot: Snapshot | None = None
    heard_at_s: float | None = None
    availability: str | None = None
    interval_s: float = USUAL_INTERVAL_S
    # The last known value of each quantity: a short interval does not hold every line.
    known: dict[str, Any] = field(default_factory=dict)

    def take(self, snapshot: Snapshot, now_s: float) -> None:
        """Keeps a new snapshot; an older one than the last changes nothing."""
        if self.snapshot is not None:
            later_s = (snapshot.time - self.snapshot.time).total_seconds()
            if later_s < 0:
                return
            if 0 < later_s <= LONGEST_INTERVAL_S:
                self.interval_s = later_s
        self.snapshot = snapshot
        self.heard_at_s = now_s
        for name, value in snapshot:
            if isinstance(value, tuple):
                before = self.known.get(name, (None,) * len(value))
                pairs = zip(value, before, strict=True)
                self.known[name] = tuple(old if new is None else new for new, old in pairs)
            elif value is not None:
                self.known[name] = value

    def age_s(self, now_s: float) -> float | None:
        """How long ago the last snapshot came."""
        return None if self.heard_at_s is None else max(now_s - self.heard_at_s, 0.0)


@dataclass
class Board:
    """All batteries and collectors below one topic root."""

    topics: Topics = field(default_factory=Topics)
    batteries: dict[str, Battery] = field(default_factory=dict)
    collectors: dict[str, str] = field(default_factory=dict)
    snapshots: int = 0
    unreadable: int = 0
    note: str = ""
    about: str = ""  # what else there is to see

    def take(self, topic: str, payload: bytes | str, now_s: float) -> Snapshot | None:
        """Keeps what a message says; returns the snapshot if it is one."""
        mcu = self.topics.mcu_of(topic)
        if mcu is None:
            collector = topic.removeprefix(self.topics.collector(""))
            if collector != topic:
                self.collectors[collector] = _word(payload)
                if not payload:  # an empty retained message is how MQTT forgets
                    del self.collectors[collector]
            return None
        if mcu == NOBODY:
            return None  # a `check` tries its rights
        battery = self.batteries.setdefault(mcu, Battery(mcu))
        if topic == self.topics.availability(mcu):
            battery.availability = _word(payload) or None
        elif topic == self.topics.snapshot(mcu):
            try:
                snapshot = Snapshot.model_validate_json(payload)
            except ValidationError:
                self.unreadable += 1
                return None
            self.snapshots += 1
            battery.take(snapshot, now_s)
            return snapshot
        return None


def _word(payload: bytes | str) -> str:
    text = payload if isinstance(payload, str) else payload.decode("utf-8", "replace")
    return text[:20]
