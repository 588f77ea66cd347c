"""Where a simulated battery's lines come from: one console for all, or a recording for each."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from types import TracebackType
from typing import Protocol

from bluenova_tools.simulator.acts import Act, Drop
from bluenova_tools.simulator.console import ConsoleLine

# A client that lets so many lines wait has stopped reading.
LONGEST_QUEUE = 5000


class Source(Protocol):
    """Something that tells a client what is said from its connection on."""

    def listen(self) -> AsyncIterator[Act]:
        """Return the acts for one client, each at its time; the end means silence."""


class Playback:
    """A recording that each client hears from its beginning.

    ``timed`` holds (seconds since the connection, act). ``speed`` 0 means without any pause.
    """

    def __init__(
        self, timed: Sequence[tuple[float, Act]], *, speed: float = 1.0, loop: bool = False
    ) -> None:
        self.timed = timed
        self.speed = speed
        self.loop = loop

    async def listen(self) -> AsyncIterator[Act]:
        """Yield the recording's acts, each at its time."""
        clock = asyncio.get_running_loop().time
        for _ in itertools.count() if self.loop and self.timed else range(1):
            began_at = clock()
            for number, (at_s, act) in enumerate(self.timed):
                if self.speed:
                    await asyncio.sleep(max(began_at + at_s / self.speed - clock(), 0))
                elif number % 100 == 0:
                    await asyncio.sleep(0)
                yield act


class Broadcast:
    """One console that all clients hear, from the moment of their connection.

    ``timed`` yields (seconds of pause, line) and may be endless. ``on_said`` is told each line and
    how many were listening.
    """

    def __init__(
        self,
        timed: Iterable[tuple[float, ConsoleLine]] = (),
        on_said: Callable[[ConsoleLine, int], None] = lambda line, listeners: None,
    ) -> None:
        self._timed = timed
        self._on_said = on_said
        self._queues: set[asyncio.Queue[Act]] = set()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Broadcast:
        self._task = asyncio.create_task(self._talk())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def listeners(self) -> int:
        """How many clients there are now."""
        return len(self._queues)

    def say(self, *acts: Act) -> None:
        """Tell all clients of this moment; one that has stopped reading is dropped."""
        for queue in list(self._queues):
            for act in acts:
                if queue.qsize() >= LONGEST_QUEUE:
                    queue.put_nowait(Drop(reset=True))
                    self._queues.discard(queue)
                    break
                queue.put_nowait(act)

    async def listen(self) -> AsyncIterator[Act]:
        """Yield what is said, as it is said."""
        queue: asyncio.Queue[Act] = asyncio.Queue(LONGEST_QUEUE + 1)
        self._queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)

    async def _talk(self) -> None:
        clock = asyncio.get_running_loop().time
        next_at = clock()
        for pause_s, line in self._timed:
            next_at += pause_s
            await asyncio.sleep(max(next_at - clock(), 0))
            self.say(line.text)
            self._on_said(line, self.listeners)
