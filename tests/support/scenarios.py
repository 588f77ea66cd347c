"""Batteries that let a console down: what its connection goes through with them.

A story is what our log said of a battery, what was heard, and how long it took to hear the first
line after the battery had begun to behave. Each has a battery, or a server, of its own, so that
all of them may run side by side.
"""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from bluenova_collector.console.connection import Address, Console, Line, Lost
from bluenova_tools.simulator.acts import Act
from bluenova_tools.simulator.behaviour import Behaviour
from bluenova_tools.simulator.server import ConsoleServer

HANDSHAKE_S = 0.8
SILENCE_S = 0.8
# How long the battery behaves badly: long enough for three attempts.
BAD_S = 3.0
# What may pass until the next attempt, by the table of pauses, on a machine that has much to do.
RECOVERY_S = max(HANDSHAKE_S, SILENCE_S) + 2 + 6.0

GOOD = "SOC: 87"


@dataclass
class Story:
    """What happened between a console and a battery."""

    said: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    attempts: int = 0
    recovered_after_s: float = float("inf")
    lost: int = 0
    other_work: int = 0


class Good:
    """A battery that says one readable line after the other."""

    async def listen(self) -> AsyncIterator[Act]:
        while True:
            yield GOOD
            await asyncio.sleep(0.1)


class Says:
    """A battery that says these, and what it should after a while."""

    def __init__(self, *acts: Act) -> None:
        self.acts = acts

    async def listen(self) -> AsyncIterator[Act]:
        for act in self.acts:
            yield act
        async for act in Good().listen():
            yield act


class Pours:
    """A battery that pours chatter without a pause, then says one good line."""

    async def listen(self) -> AsyncIterator[Act]:
        until_s = time.monotonic() + BAD_S
        while time.monotonic() < until_s:
            yield "tick " * 200
        yield GOOD


class Listening(logging.Handler):
    """Sorts what the console's log says by the battery's port."""

    def __init__(self, stories: dict[int, Story]) -> None:
        super().__init__()
        self.stories = stories

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        for port, story in self.stories.items():
            if f"127.0.0.1:{port}" in line:
                story.said.append(line)


async def listen(
    port: int, story: Story, until: Callable[[], bool], silence_s: float = SILENCE_S
) -> None:
    """Runs a console against a battery until that is so, and a while longer."""

    console = Console(
        Address("127.0.0.1", port, "/ws/"),
        time.monotonic,
        handshake_s=HANDSHAKE_S,
        silence_s=silence_s,
    )

    async def hear() -> None:
        async for event in console.events():
            match event:
                case Line(text):
                    story.heard.append(text)
                case Lost():
                    story.lost += 1

    running = asyncio.create_task(hear())
    deadline_s = time.monotonic() + BAD_S + RECOVERY_S + 3
    while not until() and time.monotonic() < deadline_s:
        await asyncio.sleep(0.02)
        story.other_work += 1
    await asyncio.sleep(0.3)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def first_badly(port: int, story: Story, reform: Callable[[], Awaitable[None]]) -> None:
    """The battery behaves badly until `reform` is called."""
    reformed_s: list[float] = []

    async def later() -> None:
        await asyncio.sleep(BAD_S)
        await reform()
        story.heard.clear()
        reformed_s.append(time.monotonic())

    def recovered() -> bool:
        if not reformed_s or GOOD not in story.heard:
            return False
        story.recovered_after_s = time.monotonic() - reformed_s[0]
        return True

    await asyncio.gather(later(), listen(port, story, recovered))


async def badly(behaviour: Behaviour, stories: dict[int, Story]) -> Story:
    async with ConsoleServer(Good(), behaviour=behaviour, ping_interval_s=0.2) as server:
        story = stories.setdefault(server.port, Story())

        async def reform() -> None:
            await server.behave(Behaviour.SERVE)

        await first_badly(server.port, story, reform)
        story.attempts = server.attempts
    return story


async def says(stories: dict[int, Story], *acts: Act) -> Story:
    """A connection that brings these, and then what it should."""
    async with ConsoleServer(Says(*acts), ping_interval_s=None) as server:
        story = stories.setdefault(server.port, Story())
        await listen(server.port, story, lambda: GOOD in story.heard)
        story.attempts = server.attempts
    return story


async def pours(stories: dict[int, Story]) -> Story:
    async with ConsoleServer(Pours(), ping_interval_s=None) as server:
        story = stories.setdefault(server.port, Story())
        await listen(server.port, story, lambda: GOOD in story.heard)
        story.attempts = server.attempts
    return story


async def redirects(stories: dict[int, Story]) -> Story:
    """To a place that would say what it should, were anybody to go there."""
    async with ConsoleServer(Says("SOC: 1")) as elsewhere:
        bad = True

        async def receive(connection: ServerConnection, _request: Request) -> Response | None:
            if not bad:
                return None
            response = connection.respond(302, "Over there\n")
            response.headers["Location"] = elsewhere.url
            return response

        async def speak(connection: ServerConnection) -> None:
            await connection.send(GOOD)
            await connection.wait_closed()

        async def reform() -> None:
            nonlocal bad
            bad = False

        async with serve(speak, "127.0.0.1", 0, process_request=receive) as server:
            (listening,) = server.sockets
            port: int = listening.getsockname()[1]
            story = stories.setdefault(port, Story())
            await first_badly(port, story, reform)
        story.attempts = elsewhere.attempts
    return story


async def sends_raw(stories: dict[int, Story], first: bytes, times: int = 1) -> Story:
    """The first connection brings these bytes of its own; the next what it should."""
    connections = 0

    async def speak(connection: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        try:
            if connections == 1:
                for _ in range(times):
                    connection.transport.write(first)
                    await asyncio.sleep(0)
                await connection.wait_closed()
            while True:
                await connection.send(GOOD)
                await asyncio.sleep(0.1)
        except ConnectionClosed:
            pass

    async with serve(speak, "127.0.0.1", 0, compression=None) as server:
        (listening,) = server.sockets
        port: int = listening.getsockname()[1]
        story = stories.setdefault(port, Story())
        began_s = time.monotonic()
        await listen(port, story, lambda: GOOD in story.heard)
        story.recovered_after_s = time.monotonic() - began_s
    story.attempts = connections
    return story


async def sends_raw_and_stays(stories: dict[int, Story], first: bytes, times: int = 1) -> Story:
    """The first connection brings these bytes, then nothing, and TCP stays open on its side."""
    connections = 0

    async def serve_raw(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        protocol = ServerProtocol()
        protocol.receive_data(await reader.readuntil(b"\r\n\r\n"))
        (request,) = protocol.events_received()
        assert isinstance(request, Request)
        protocol.send_response(protocol.accept(request))
        writer.write(b"".join(protocol.data_to_send()))
        if connections == 1:
            for _ in range(times):
                writer.write(first)
                await asyncio.sleep(0)
        else:
            writer.write(Frame(Opcode.TEXT, GOOD.encode()).serialize(mask=False))
        while await reader.read(1000):
            pass
        writer.close()

    async with await asyncio.start_server(serve_raw, "127.0.0.1", 0) as server:
        port: int = server.sockets[0].getsockname()[1]
        story = stories.setdefault(port, Story())
        began_s = time.monotonic()
        await listen(port, story, lambda: GOOD in story.heard, silence_s=60)
        story.recovered_after_s = time.monotonic() - began_s
    story.attempts = connections
    return story


async def drops_after_each_line(stories: dict[int, Story]) -> Story:
    async def speak(connection: ServerConnection) -> None:
        await connection.send(GOOD)
        await asyncio.sleep(0.05)
        connection.transport.abort()

    async with serve(speak, "127.0.0.1", 0) as server:
        (listening,) = server.sockets
        port: int = listening.getsockname()[1]
        story = stories.setdefault(port, Story())
        await listen(port, story, lambda: len(story.heard) >= 8)
    return story


async def accepts_nothing(stories: dict[int, Story]) -> Story:
    """A port whose queue of waiting connections is never served: TCP is accepted by the kernel."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(1)
        story = stories.setdefault(deaf.getsockname()[1], Story())
        await listen(deaf.getsockname()[1], story, lambda: story.lost >= 2)
    return story
