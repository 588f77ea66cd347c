"""A websocket server that speaks a battery's console, well or badly, for people and for tests."""

import asyncio
import errno
import socket
from collections.abc import Callable
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, cast

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from bluenova_tools.simulator.acts import Act, Cut, Drop, Stall, Vanish, perform
from bluenova_tools.simulator.behaviour import Behaviour
from bluenova_tools.simulator.sources import Source
from bluenova_tools.simulator.troubles import Troubles

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

PATH = "/ws/"
REFUSAL_S = 5.0


class CannotListen(OSError):  # noqa: N818  # reads better than CannotListenError where it is caught
    """The address cannot be had; the message says which, why, and what to do."""

    def __init__(self, host: str, port: int, error: OSError) -> None:
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            wrong = f"{host!r} cannot be listened on ({error.strerror})."
            super().__init__(f"{wrong} Choose an IPv4 address of this machine with --host.")
        else:
            wrong = f"Port {port} of {host} cannot be listened on ({error.strerror})."
            super().__init__(f"{wrong} Choose another one with --port.")


class ConsoleServer:
    """Serves a source at ``ws://host:port/ws/`` to any number of clients.

    ``async with ConsoleServer(source) as server:`` listens on ``server.port`` (a free one unless
    given) and ends every connection at its exit. ``behave`` changes how the next connections are
    received. ``attempts`` counts the TCP connections that came, ``upgrades`` those that got as far
    as the websocket.
    """

    def __init__(
        self,
        source: Source,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        behaviour: Behaviour = Behaviour.SERVE,
        troubles: Troubles | None = None,
        ping_interval_s: float | None = 20.0,
        on_event: Callable[[str], None] = lambda event: None,
    ) -> None:
        self.source = source
        self.host = host
        self.port = port
        self.behaviour = behaviour
        self.attempts = 0
        self.upgrades = 0
        self._troubles = troubles or Troubles({})
        self._ping_interval_s = ping_interval_s
        self._on_event = on_event
        self._connections: set[ServerConnection] = set()
        self._received: dict[ServerConnection, Behaviour] = {}
        self._server: Server | None = None
        self._reserved: socket.socket | None = None
        self._reopening: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The address for a websocket client."""
        return f"ws://{self.host}:{self.port}{PATH}"

    @property
    def clients(self) -> int:
        """How many TCP connections there are now."""
        return len(self._connections)

    async def __aenter__(self) -> ConsoleServer:
        try:
            self._reserve_port()
            if self.behaviour is not Behaviour.REFUSE:
                await self._open()
        except OSError as error:
            if self._reserved is not None:
                self._reserved.close()
            raise CannotListen(self.host, self.port, error) from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
        await self._close()
        if self._reserved is not None:
            self._reserved.close()

    async def behave(self, behaviour: Behaviour) -> None:
        """Receive the next connections in this way; REFUSE also ends the present ones."""
        self.behaviour = behaviour
        if behaviour is Behaviour.REFUSE and self._server is not None:
            await self._close()
            self._reserve_port()
        elif behaviour is not Behaviour.REFUSE and self._server is None:
            await self._open()

    def drop_all(self) -> None:
        """End every connection now, without a closing handshake."""
        for connection in list(self._connections):
            connection.transport.abort()

    def _reserve_port(self) -> None:
        # Bound but not listening: the kernel refuses connections and gives the port to nobody else.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind((self.host, self.port))
        self.port = self._reserved.getsockname()[1]

    async def _open(self) -> None:
        seen = self

        class Counted(ServerConnection):
            """Known from its TCP connection on: some clients never get as far as a request."""

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                seen.attempts += 1
                seen._connections.add(self)
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                seen._connections.discard(self)
                seen._received.pop(self, None)
                super().connection_lost(exc)

        self._server = await serve(
            self._converse,
            sock=self._reserved,
            compression=None,
            process_request=self._receive,
            open_timeout=None,
            ping_interval=self._ping_interval_s,
            ping_timeout=None,
            close_timeout=0.5,
            create_connection=Counted,
        )
        self._reserved = None

    async def _close(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.close(close_connections=False)
        self.drop_all()
        await server.wait_closed()

    async def _receive(self, connection: ServerConnection, request: Request) -> Response | None:
        """Decide how a connection is received; a response refuses the upgrade."""
        behaviour = self.behaviour
        if behaviour is Behaviour.SERVE:
            behaviour = self._troubles.reception()
        if behaviour is not Behaviour.SERVE:
            self._on_event(f"receives a connection by: {behaviour.value}")
        if request.path != PATH or behaviour is Behaviour.NOT_FOUND:
            return connection.respond(404, f"Not found. The console is at {PATH}\n")
        if behaviour is Behaviour.REFUSE:
            self._reopening = asyncio.create_task(self._refuse_for_a_while())
        if behaviour in (Behaviour.NEVER_ANSWER, Behaviour.REFUSE):
            await connection.wait_closed()
        self._received[connection] = behaviour
        return None

    async def _refuse_for_a_while(self) -> None:
        await self.behave(Behaviour.REFUSE)
        await asyncio.sleep(REFUSAL_S)
        await self.behave(Behaviour.SERVE)

    async def _converse(self, connection: ServerConnection) -> None:
        self.upgrades += 1
        behaviour = self._received.get(connection, self.behaviour)
        self._on_event("a client is connected")
        try:
            if behaviour is Behaviour.SERVE:
                await self._speak(connection)
            elif behaviour is Behaviour.HALF_OPEN:
                await perform(connection, Vanish())
            elif behaviour is not Behaviour.FLAP:
                await connection.wait_closed()
        except ConnectionClosed:
            pass
        finally:
            self._on_event("a client is gone")

    async def _speak(self, connection: ServerConnection) -> None:
        """Say what the source says, until either side ends the connection."""
        waiting: list[str] = []
        said = cast("AsyncGenerator[Act]", self.source.listen())
        gone = asyncio.create_task(connection.wait_closed())
        telling = asyncio.create_task(self._tell(connection, said, waiting))
        try:
            await asyncio.wait({gone, telling}, return_when=asyncio.FIRST_COMPLETED)
            if telling.done():
                # The recording is over: a battery stays connected and has nothing to say.
                telling.result()
                await gone
        finally:
            gone.cancel()
            telling.cancel()
            await asyncio.gather(gone, telling, return_exceptions=True)

    async def _tell(
        self, connection: ServerConnection, said: AsyncGenerator[Act], waiting: list[str]
    ) -> None:
        async with aclosing(said):
            async for line in said:
                acts = self._troubles.on_wire(line, waiting) if isinstance(line, str) else [line]
                for act in acts:
                    if isinstance(act, Cut | Drop | Stall | Vanish):
                        self._on_event(f"does to a client: {type(act).__name__.lower()}")
                    await perform(connection, act)
