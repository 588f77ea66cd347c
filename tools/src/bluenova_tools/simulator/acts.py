"""What a battery can do to a connection: send a line in some form, fall silent, or drop it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode


@dataclass(frozen=True)
class Fragments:
    """One message, sent as several frames."""

    parts: Sequence[bytes | str]


@dataclass(frozen=True)
class Cut:
    """The first half of a message's frame, then the end of the connection."""

    text: str


@dataclass(frozen=True)
class Drop:
    """The end of the connection, without a closing handshake; with `reset` by a TCP reset."""

    reset: bool = False


@dataclass(frozen=True)
class Stall:
    """Silence, during which pings are still answered."""

    seconds: float


@dataclass(frozen=True)
class Vanish:
    """Silence for good: no line, no pong, no closing. As when the network cable is pulled."""


# A text is sent as a text frame, bytes as a binary one. Bytes that are no UTF-8 travel in a text
# frame as Python's surrogate escapes.
Act = str | bytes | Fragments | Cut | Drop | Stall | Vanish


def to_bytes(text: str | bytes) -> bytes:
    """A line's bytes, with surrogate escapes as the bad bytes that they stand for."""
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


async def perform(connection: ServerConnection, act: Act) -> None:
    """Does one of these to a connection. Raises ConnectionClosed if it is or becomes closed."""
    match act:
        case str():
            await connection.send(to_bytes(act), text=True)
        case bytes():
            await connection.send(act)
        case Fragments(parts):
            await connection.send([to_bytes(part) for part in parts], text=True)
        case Cut(text):
            frame = Frame(Opcode.TEXT, to_bytes(text)).serialize(mask=False)
            connection.transport.write(frame[: len(frame) // 2])
            connection.transport.close()
            await connection.wait_closed()
        case Drop(reset):
            end = connection.transport.abort if reset else connection.transport.close
            end()
            await connection.wait_closed()
        case Stall(seconds):
            await asyncio.sleep(seconds)
        case Vanish():
            # Nothing is read any more, so that neither pings nor a close are answered.
            connection.transport.pause_reading()
            await connection.wait_closed()
