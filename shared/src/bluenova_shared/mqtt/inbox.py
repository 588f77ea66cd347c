"""Messages on their way from the MQTT library's thread into asyncio's."""

from __future__ import annotations

import asyncio
import threading

from bluenova_shared.message import Message


class Inbox:
    """Messages from paho's thread to ours: bounded; what does not fit is dropped and counted."""

    def __init__(self, max_messages: int = 10_000, max_bytes: int = 16 * 2**20) -> None:
        self._loop = asyncio.get_running_loop()
        self._filled = asyncio.Event()
        self._lock = threading.Lock()
        self._messages: list[Message] = []
        self._bytes = 0
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self.dropped = 0

    def put(self, message: Message) -> None:
        """Called in paho's thread."""
        with self._lock:
            size = len(message.payload)
            if len(self._messages) >= self._max_messages or self._bytes + size > self._max_bytes:
                self.dropped += 1
                return
            self._messages.append(message)
            self._bytes += size
            first = len(self._messages) == 1
        if first:  # one wake-up for all that is waiting: the loop's own queue stays short, too
            self._loop.call_soon_threadsafe(self._filled.set)

    async def drain(self) -> list[Message]:
        """All that has come since, as soon as there is any."""
        await self._filled.wait()
        with self._lock:
            self._filled.clear()
            taken, self._messages, self._bytes = self._messages, [], 0
        return taken
