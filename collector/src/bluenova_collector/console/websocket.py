"""The websocket to the battery, which hands over all lines that have come at once."""

import asyncio
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.frames import DATA_OPCODES, Frame
from websockets.http11 import Request, Response

from bluenova_collector.console.lines import LineSplitter

# How long the other side has to end TCP when the websocket has ended.
CLOSE_WITHIN_S = 1.0
# If more lines wait, nothing is read from the socket until they are taken.
MOST_WAITING = 1000


class LineConnection(ClientConnection):
    """A websocket that is read by lines.

    Its messages do not go through the library's queue, which takes as long for one as all that we
    do with it: lines are made of each frame as it comes.

    It ends TCP soon after the websocket, even if the other side does not: after a close frame or an
    error of the protocol nothing else would come.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._splitter = LineSplitter()
        self._waiting: list[str] = []
        self._came = asyncio.Event()
        self._is_ending = self._is_lost = False

    async def lines(self) -> list[str]:
        """All lines since the last call, as soon as there are any. Raises ConnectionClosed."""
        while not self._waiting:
            if self._is_lost:
                await self.recv()  # it tells why
            self._came.clear()
            await self._came.wait()
        lines, self._waiting = self._waiting, []
        self.transport.resume_reading()
        return lines

    def process_event(self, event: Frame | Request | Response) -> None:
        """Takes in a frame: what the library does with it, except with data."""
        if not isinstance(event, Frame) or event.opcode not in DATA_OPCODES:
            super().process_event(event)
            return
        self._waiting += self._splitter.feed(bytes(event.data))
        if event.fin:
            self._waiting += self._splitter.end()
        if self._waiting:
            self._came.set()
        if len(self._waiting) > MOST_WAITING:
            self.transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        """Takes in what the socket gives."""
        super().data_received(data)
        if self.protocol.close_expected() and not self._is_ending:
            self._is_ending = True
            self.loop.call_later(CLOSE_WITHIN_S, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket has ended."""
        super().connection_lost(exc)
        self._is_lost = True
        self._came.set()
