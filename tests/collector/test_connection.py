"""The console's connection against real sockets: every way in which a battery can let us down.

All stories run side by side, each with a battery of its own: first it behaves badly for a while,
then well. A story is what our log said of it, what was heard, and how long it took to hear the
first line after the battery had begun to behave.
"""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response

from bluenova_collector.console import SAME_CHANGES, Address, Console
from bluenova_tools.acts import Act, Fragments
from bluenova_tools.behaviour import Behaviour
from bluenova_tools.server import ConsoleServer

HANDSHAKE_S = 0.8
SILENCE_S = 0.8
# How long the battery behaves badly: long enough for three attempts.
BAD_S = 3.0
# What may pass until the next attempt, by the table of delays, and the machine's own slowness.
RECOVERY_S = max(HANDSHAKE_S, SILENCE_S) + 2 + 1.0

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


async def listen(port: int, story: Story, until: Callable[[], bool]) -> None:
    """Runs a console against a battery until that is so, and a while longer."""

    def hear(line: str) -> bool:
        story.heard.append(line)
        return line.startswith("SOC: ")

    def lost() -> None:
        story.lost += 1

    console = Console(
        Address("127.0.0.1", port, "/ws/"),
        on_line=hear,
        on_lost=lost,
        handshake_s=HANDSHAKE_S,
        silence_s=SILENCE_S,
    )
    running = asyncio.create_task(console.run())
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


def frame(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=False)


@pytest.fixture(scope="module")
def told() -> dict[str, Story]:
    """Every story, by its name."""
    stories: dict[int, Story] = {}

    async def run() -> dict[str, Story]:
        running: dict[str, Awaitable[Story]] = {
            behaviour.value: badly(behaviour, stories)
            for behaviour in Behaviour
            if behaviour is not Behaviour.SERVE
        }
        big = b"x" * 70_000
        running |= {
            "redirects": redirects(stories),
            "accepts-nothing": accepts_nothing(stories),
            "drops-after-each-line": drops_after_each_line(stories),
            "pours": pours(stories),
            "fragments": says(stories, Fragments(("SO", b"", "C: ", "5\r", "\nTe", "mp: 3"))),
            "split-character": says(stories, Fragments((b"caf\xc3", b"\xa9"))),
            "binary": says(stories, b"SOC: 5", b"\xff\xfe"),
            "several": says(stories, "SOC: 5\r\nTemp: 3\nSOH: 9\0"),
            "bad-utf8": says(stories, "SOC: 5\udcff", "\udc80\udcff"),
            "long-message": says(stories, Fragments([b"y" * 60_000] * 50), "SOC: 5"),
            "frame-over-64-KiB": sends_raw(stories, frame(Opcode.TEXT, big)),
            "fragment-over-64-KiB": sends_raw(
                stories, frame(Opcode.TEXT, b"SOC: 5\n", fin=False) + frame(Opcode.CONT, big)
            ),
            "broken-frames": sends_raw(stories, b"\xff" * 100),
            "endless-message": sends_raw(
                stories,
                frame(Opcode.TEXT, b"", fin=False) + frame(Opcode.CONT, b"x" * 1000, fin=False),
                times=3,
            ),
        }
        return dict(zip(running, await asyncio.gather(*running.values()), strict=True))

    logger = logging.getLogger("bluenova_collector.console")
    listening = Listening(stories)
    logger.addHandler(listening)
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        return asyncio.run(run())
    finally:
        logger.removeHandler(listening)
        logger.setLevel(level)


CONNECTED = "Connected"


def kinds(story: Story) -> list[str]:
    """The log's lines by their first words."""
    return [line.partition(" the battery")[0].removesuffix(" to") for line in story.said]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("silent", "silent for 0.8 s"),
        ("half-open", "silent for 0.8 s"),
        ("never-answer", "no answer to the connection request within 0.8 s"),
        ("404", "404"),
        ("flap", "closed the connection"),
        ("refuse", "refused|Connect call failed"),
        ("redirects", "302"),
    ],
)
class TestABatteryThat:
    def test_misbehaves_is_heard_again_in_time(
        self, name: str, reason: str, told: dict[str, Story]
    ) -> None:
        assert told[name].recovered_after_s < RECOVERY_S, told[name].said

    def test_misbehaves_is_logged_once_with_the_reason(
        self, name: str, reason: str, told: dict[str, Story]
    ) -> None:
        story = told[name]
        named = [line for line in story.said if any(word in line for word in reason.split("|"))]
        assert named, story.said
        reached = name in ("silent", "half-open", "flap")
        # Each accepted connection is a change of its own; one that is never accepted is not.
        assert len(named) <= (3 if reached else 1), story.said
        assert all("next attempt in" in line for line in named)

    def test_is_heard_again_is_logged_last(
        self, name: str, reason: str, told: dict[str, Story]
    ) -> None:
        story = told[name]
        if kinds(story).count(CONNECTED) < SAME_CHANGES:  # else it has been told often enough
            assert kinds(story)[-1] == CONNECTED, story.said

    def test_misbehaves_does_not_fill_the_log(
        self, name: str, reason: str, told: dict[str, Story]
    ) -> None:
        assert len(told[name].said) <= 8, told[name].said

    def test_misbehaves_is_not_hammered(
        self, name: str, reason: str, told: dict[str, Story]
    ) -> None:
        # 1, 1 and 2 s between the attempts, and some of them take a while to fail.
        assert told[name].attempts <= 5


def test_a_redirect_is_not_followed(told: dict[str, Story]) -> None:
    assert told["redirects"].attempts == 0, "attempts at the place that it leads to"
    assert "SOC: 1" not in told["redirects"].heard


def test_a_port_that_nobody_serves_ends_at_the_handshakes_deadline(told: dict[str, Story]) -> None:
    assert told["accepts-nothing"].lost >= 2
    assert kinds(told["accepts-nothing"]) == ["Cannot reach"]


def test_a_battery_that_drops_each_connection_costs_a_line_a_change_and_no_flood(
    told: dict[str, Story],
) -> None:
    story = told["drops-after-each-line"]
    assert 3 <= story.lost <= 10, "a second between the attempts"
    assert len(story.heard) >= 3, "what it says between the drops is heard"
    assert len(story.said) <= 8


def test_pouring_without_a_pause_leaves_time_for_other_work(told: dict[str, Story]) -> None:
    story = told["pours"]
    assert len(story.heard) > 500
    assert story.heard[-1] == GOOD
    assert kinds(story) == [CONNECTED]
    assert story.other_work > 10


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        pytest.param("fragments", ["SOC: 5", "Temp: 3"], id="in fragments are put together"),
        pytest.param("split-character", ["café"], id="cut within a character are put together"),
        pytest.param("binary", ["SOC: 5", "\ufffd\ufffd"], id="in binary frames are text"),
        pytest.param("several", ["SOC: 5", "Temp: 3", "SOH: 9"], id="in one message are all read"),
        pytest.param(
            "bad-utf8", ["SOC: 5\ufffd", "\ufffd\ufffd"], id="in bad UTF-8 keep what can be read"
        ),
        pytest.param("long-message", ["y" * 4096, "SOC: 5"], id="without an end are cut to 4 KiB"),
    ],
)
def test_lines(name: str, lines: list[str], told: dict[str, Story]) -> None:
    story = told[name]
    assert story.heard[: len(lines)] == lines
    assert (story.attempts, kinds(story)) == (1, [CONNECTED])


@pytest.mark.parametrize(
    "name", ["frame-over-64-KiB", "fragment-over-64-KiB", "broken-frames", "endless-message"]
)
def test_what_cannot_be_read_costs_the_connection_and_no_more(
    name: str, told: dict[str, Story]
) -> None:
    story = told[name]
    assert story.attempts == 2
    assert story.recovered_after_s < SILENCE_S + 1 + 1.5
    assert kinds(story) == [CONNECTED, "Lost", CONNECTED]


def test_lines_before_a_frame_that_cannot_be_read_are_heard(told: dict[str, Story]) -> None:
    assert told["fragment-over-64-KiB"].heard[0] == "SOC: 5"
