"""What comes from the link to the broker, and what became of a message that goes out. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from bluenova_shared.message import Message


@dataclass(frozen=True)
class Connected:
    """The broker has accepted us."""


@dataclass(frozen=True)
class Lost:
    """The connection that it had accepted has ended.

    `unacknowledged` are the topics of what it had not acknowledged, of what was sent at QoS 1.
    """

    why: str
    unacknowledged: frozenset[str] = frozenset()


Event = Connected | Message | Lost


@dataclass(frozen=True)
class Sent:
    """The message is on its way."""


@dataclass(frozen=True)
class NoBroker:
    """There is no connection: nothing was done."""


@dataclass(frozen=True)
class TooLong:
    """The broker takes no more than `longest` bytes: nothing was done.

    Sent all the same, the message would end the connection, and each one after it.
    """

    longest: int


# What the log says then: bytes that the broker takes, what does not go out, and its bytes.
TOO_LONG = (
    "The broker takes no more than %d bytes: %s with its %d does not go out. "
    "Raise the broker's max_packet_size"
)
Published = Sent | NoBroker | TooLong


class Publisher(Protocol):
    """Whoever sends messages to the broker."""

    def publish(self, message: Message) -> Published:
        """Sends a message, if there is a broker that takes it, and says what happened."""
        ...


class Peer(Publisher, Protocol):
    """Whoever sends messages to the broker, and hears what others publish."""

    def hear(self, topics: Collection[str]) -> None:
        """Needs what is published on these topics, too, from now on."""
        ...
