"""A websocket server that speaks a battery's console, well or badly, for people and for tests."""

import asyncio
import errno
import socket
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Self, cast
from weakref import WeakKeyDictionary

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from bluenova_tools.simulator.acts import Act, Cut, Drop, Stall, Vanish, perform
from bluenova_tools.simulator.behaviour import Behaviour
from bluenova_tools.simulator.sources import Source
from bluenova_tools.simulator.troubles import Troubles

PATH = "/ws/"
REFUSAL_S = 5.0


class ConsoleServer:
    """Serves a source at `ws://host:port/ws/` to any number of clients, in an `async with` block.

    It listens on `port` (a free one unless given) and ends every connection at its exit. `behave`
    changes how the next connections are received. `attempts` counts the TCP connections that came,
    `upgrades` those that got as far as the websocket; `events` says in words what happens to them.
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
    ) -> None:
        self.source = source
        self.host = host
        self.port = port
        self.behaviour = behaviour
        self.attempts = 0
        self.upgrades = 0
        self.events = asyncio.Queue[str]()
        self._troubles = troubles or Troubles({})
        self._ping_interval_s = ping_interval_s
        self._connections: set[ServerConnection] = set()
        self._received = WeakKeyDictionary[ServerConnection, Behaviour]()
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

    async def __aenter__(self) -> Self:
        """Listens. Raises OSError, with what to do, if the address cannot be had."""
        try:
            self._reserve_port()
            if self.behaviour is not Behaviour.REFUSE:
                await self._open()
        except OSError as error:
            await self.__aexit__()
            raise OSError(_cannot_listen(self.host, self.port, error)) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
        await self._close()
        if self._reserved is not None:
            self._reserved.close()

    async def behave(self, behaviour: Behaviour) -> None:
        """Receives the next connections in this way; REFUSE also ends the present ones."""
        self.behaviour = behaviour
        if behaviour is Behaviour.REFUSE and self._server is not None:
            await self._close()
            self._reserve_port()
        elif behaviour is not Behaviour.REFUSE and self._server is None:
            await self._open()

    def drop_all(self) -> None:
        """Ends every connection now, without a closing handshake."""
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
        """Decides how a connection is received; a response refuses the upgrade."""
        behaviour = self.behaviour
        if behaviour is Behaviour.SERVE:
            behaviour = self._troubles.reception()
        if behaviour is not Behaviour.SERVE:
            self.events.put_nowait(f"receives a connection by: {behaviour.value}")
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
        behaviour = self._received[connection]
        self.events.put_nowait("a client is connected")
        try:
            if behaviour is Behaviour.SERVE:
                async with asyncio.TaskGroup() as tasks:
                    telling = tasks.create_task(self._tell(connection))
                    # Even if the recording is over: a battery that has nothing to say stays.
                    await connection.wait_closed()
                    telling.cancel()
            elif behaviour is Behaviour.HALF_OPEN:
                await perform(connection, Vanish())
            elif behaviour is not Behaviour.FLAP:
                await connection.wait_closed()
        except* ConnectionClosed:
            pass
        finally:
            self.events.put_nowait("a client is gone")

    async def _tell(self, connection: ServerConnection) -> None:
        """Says what the source says, to its end."""
        waiting: list[str] = []
        async with aclosing(cast("AsyncGenerator[Act]", self.source.listen())) as said:
            async for line in said:
                acts = self._troubles.on_wire(line, waiting) if isinstance(line, str) else [line]
                for act in acts:
                    if isinstance(act, Cut | Drop | Stall | Vanish):
                        self.events.put_nowait(f"does to a client: {type(act).__name__.lower()}")
                    await perform(connection, act)


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        wrong = f"{host!r} cannot be listened on ({error.strerror})."
        return f"{wrong} Choose an IPv4 address of this machine with --host."
    wrong = f"Port {port} of {host} cannot be listened on ({error.strerror})."
    return f"{wrong} Choose another one with --port."
