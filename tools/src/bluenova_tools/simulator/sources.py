"""Where a simulated battery's lines come from: one console for all, or a recording for each."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from bluenova_tools.simulator.acts import Act, Drop

# A client that lets so many lines wait has stopped reading.
LONGEST_QUEUE = 5000

T = TypeVar("T")


class Source(Protocol):
    """Something that tells a client what is said from its connection on."""

    def listen(self) -> AsyncIterator[Act]:
        """The acts for one client, each at its time; the end means silence."""


async def on_time(timed: Iterable[tuple[float, T]], speed: float = 1.0) -> AsyncIterator[T]:
    """What comes with its time in seconds, each at that time, counted from the first request.

    Time passes `speed` times as fast; with a speed of 0 there are no pauses.
    """
    clock = asyncio.get_running_loop().time
    began_s = clock()
    for number, (at_s, what) in enumerate(timed):
        pause_s = began_s + at_s / speed - clock() if speed else 0
        if pause_s > 0 or number % 100 == 0:  # others want a turn, too
            await asyncio.sleep(max(pause_s, 0))
        yield what


@dataclass(frozen=True)
class Playback:
    """A recording, as (seconds since the connection, act), that each client hears from the start.

    It plays `speed` times as fast; with a speed of 0 without pauses. A `loop` has no end.
    """

    timed: Sequence[tuple[float, Act]]
    speed: float = 1.0
    loop: bool = False

    async def listen(self) -> AsyncIterator[Act]:
        """The recording's acts, each at its time."""
        for _ in itertools.count() if self.loop and self.timed else range(1):
            async for act in on_time(self.timed, self.speed):
                yield act


class Broadcast:
    """One console that all clients hear, from the moment of their connection."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Act]] = set()

    @property
    def listeners(self) -> int:
        """How many clients there are now."""
        return len(self._queues)

    def say(self, *acts: Act) -> None:
        """Tells all clients of this moment; one that has stopped reading is dropped."""
        for queue in list(self._queues):
            for act in acts:
                if queue.qsize() >= LONGEST_QUEUE:
                    queue.put_nowait(Drop(reset=True))
                    self._queues.discard(queue)
                    break
                queue.put_nowait(act)

    async def listen(self) -> AsyncIterator[Act]:
        """What is said, as it is said."""
        queue: asyncio.Queue[Act] = asyncio.Queue(LONGEST_QUEUE + 1)
        self._queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)
