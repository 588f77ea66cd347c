"""A broker that answers only half of what is said to it, as overloaded and starting ones do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

CONNECT, PUBLISH, SUBSCRIBE, PINGREQ = 1, 3, 8, 12
_CONNACK = b"\x20\x03\x00\x00\x00"
_PINGRESP = b"\xd0\x00"
NOT_AUTHORIZED = 0x87


@dataclass
class HalfBroker:
    """It speaks MQTT 5: it never acknowledges a message, and refuses so many subscriptions.

    To the first `silences` subscriptions of all it answers nothing.
    """

    refusals: int = 0
    silences: int = 0
    port: int = 0
    connections: int = 0
    subscribed: list[int] = field(default_factory=list)  # the reason codes it answered

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talks to one client until it goes."""
        try:
            while True:
                kind = (await reader.readexactly(1))[0] >> 4
                body = await reader.readexactly(await _length(reader))
                writer.write(self._answer(kind, body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, kind: int, body: bytes) -> bytes:
        if kind == CONNECT:
            self.connections += 1
            return _CONNACK
        if kind == SUBSCRIBE and self.silences:
            self.silences -= 1
            return b""
        if kind == SUBSCRIBE:
            reason = NOT_AUTHORIZED if len(self.subscribed) < self.refusals else 0
            self.subscribed.append(reason)
            return b"\x90\x04" + body[:2] + b"\x00" + bytes([reason])
        return _PINGRESP if kind == PINGREQ else b""


async def _length(reader: asyncio.StreamReader) -> int:
    length, shift = 0, 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return length


@asynccontextmanager
async def half_broker(refusals: int = 0, silences: int = 0) -> AsyncIterator[HalfBroker]:
    """Such a broker at a port of this machine."""
    one = HalfBroker(refusals, silences)
    async with await asyncio.start_server(one.serve, "127.0.0.1", 0) as server:
        one.port = server.sockets[0].getsockname()[1]
        yield one
