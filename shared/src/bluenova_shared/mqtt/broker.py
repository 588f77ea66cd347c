"""Where the broker is, what it can do, and who we are to it. Pure."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field

from bluenova_shared.message import Message

# What a packet has besides its topic and its payload: a header, some lengths and its number.
OVERHEAD_BYTES = 16
KEEPALIVE_S = 20


@dataclass(frozen=True)
class Broker:
    """Where the broker is, and our account there; `tls` None means in clear."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Will:
    """What the broker publishes when the connection has been lost for `delay_s`."""

    message: Message
    delay_s: int


@dataclass(frozen=True)
class Client:
    """Who we are to the broker, and what we ask of it.

    `subscriptions` are (topic filter, QoS), those that we cannot work without; a broker may refuse
    the `optional` ones. With `session_s` the broker keeps the session so long
    after a loss, so that it holds the will back if we return in time.
    """

    id: str
    subscriptions: Sequence[tuple[str, int]] = ()
    optional: Sequence[tuple[str, int]] = ()
    will: Will | None = None
    session_s: int = 0
    keepalive_s: int = KEEPALIVE_S


@dataclass(frozen=True)
class Abilities:
    """What a broker can do: to one that can do less, less is sent."""

    longest_packet: int | None = None
    most_qos: int = 2
    retains: bool = True

    def longest_payload(self, topic: str) -> int | None:
        """How many bytes it takes in one payload; None if it names no limit."""
        if self.longest_packet is None:
            return None
        return max(0, self.longest_packet - OVERHEAD_BYTES - len(topic.encode()))

    def reduce(self, message: Message) -> tuple[int, bool]:
        """The QoS and the retain flag with which the message can be sent."""
        return min(message.qos, self.most_qos), message.retain and self.retains
