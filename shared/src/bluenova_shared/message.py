"""An MQTT message, as the services pass it around."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """A message that came, or that goes out."""

    topic: str
    payload: bytes | str
    qos: int = 0
    retain: bool = False
