"""TCP links between the services, which can be cut, stalled, or swallow what one side says."""

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from bluenova_tools.local import free_port

CHUNK_BYTES = 65536


class Pair:
    """One connection through a link: the client's side and the server's."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self.writers = writers
        self.vanished = False

    def abort(self) -> None:
        """Ends both sides with a reset."""
        for writer in self.writers:
            writer.transport.abort()


class Link:
    """Listens at `port` of 127.0.0.1 and passes everything on to `target`.

    `cut` refuses connections; `stalled` holds back all bytes, as a network does that comes back
    later; `deaf` swallows what the client says.
    """

    def __init__(self, name: str, target: int) -> None:
        self.name = name
        self.target = target
        self.port = free_port()
        self.cut = False
        self.deaf = False
        self.pairs: set[Pair] = set()
        self._flowing = asyncio.Event()
        self._over = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None

    def stall(self, stalled: bool) -> None:
        """Holds all bytes back, or lets them go."""
        if stalled:
            self._flowing.clear()
        else:
            self._flowing.set()

    def abort(self) -> None:
        """Ends all connections."""
        for pair in list(self.pairs):
            pair.abort()

    def vanish(self) -> list[Pair]:
        """Nothing passes over the present connections any more, nor are they ever closed."""
        vanished = list(self.pairs)
        for pair in vanished:
            pair.vanished = True
        return vanished

    async def open(self) -> None:
        """Starts to listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.cut:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        pair = Pair(writer, back)
        self.pairs.add(pair)
        try:
            await asyncio.wait(
                [
                    asyncio.create_task(self._pump(pair, reader, back, from_client=True)),
                    asyncio.create_task(self._pump(pair, there, writer, from_client=False)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
            if pair.vanished:
                await self._over.wait()  # neither side is told that the other has gone
        except asyncio.CancelledError:
            pass  # the run is over; asyncio would report a cancelled connection as an error
        finally:
            self.pairs.discard(pair)
            for one in pair.writers:
                one.close()

    async def _pump(
        self,
        pair: Pair,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        from_client: bool,
    ) -> None:
        try:
            while data := await reader.read(CHUNK_BYTES):
                await self._flowing.wait()
                if pair.vanished or (from_client and self.deaf):
                    continue
                writer.write(data)
                await writer.drain()
        except OSError:
            pass


class Links:
    """All links, in a thread of their own, within a ``with`` block."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="links", daemon=True)

    def add(self, name: str, target: int) -> Link:
        """A new link to this port, listening."""
        link = Link(name, target)
        asyncio.run_coroutine_threadsafe(link.open(), self._loop).result(10)
        return link

    def do(self, what: Callable[[], object]) -> None:
        """Does something to a link, in the links' own thread."""
        done = threading.Event()

        def act() -> None:
            what()
            done.set()

        self._loop.call_soon_threadsafe(act)
        done.wait(10)

    def __enter__(self) -> Self:
        """Starts the thread."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends all connections."""

        async def end() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
