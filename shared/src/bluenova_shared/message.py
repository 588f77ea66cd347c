"""An MQTT message, as the services pass it around. Pure."""

from typing import NamedTuple


class Message(NamedTuple):
    """A message that was received, or is to be sent."""

    topic: str
    payload: bytes | str
    qos: int = 0
    retain: bool = False
