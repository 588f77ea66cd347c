"""Events on their way from the MQTT library's thread into asyncio's."""

import asyncio
import threading

from bluenova_shared.message import Message
from bluenova_shared.mqtt.events import Event


class Inbox:
    """Events from paho's thread to ours: a message that does not fit is dropped and counted."""

    def __init__(self, max_messages: int = 10_000, max_bytes: int = 16 * 2**20) -> None:
        self._loop = asyncio.get_running_loop()
        self._filled = asyncio.Event()
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._bytes = 0
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self.dropped = 0

    def put(self, *events: Event) -> None:
        """Called in either thread."""
        with self._lock:
            were_waiting = bool(self._events)
            for event in events:
                self._put(event)
            first = bool(self._events) and not were_waiting
        if first:  # one wake-up for all that is waiting: the loop's own queue stays short, too
            self._loop.call_soon_threadsafe(self._filled.set)

    def _put(self, event: Event) -> None:
        if isinstance(event, Message):
            bytes_then = self._bytes + len(event.payload)
            if len(self._events) >= self._max_messages or bytes_then > self._max_bytes:
                self.dropped += 1
                return
            self._bytes = bytes_then
        self._events.append(event)

    async def drain(self) -> list[Event]:
        """All that has come since, as soon as there is any."""
        await self._filled.wait()
        with self._lock:
            self._filled.clear()
            drained, self._events, self._bytes = self._events, [], 0
        return drained
