"""The simulated battery's server, against the real client."""

import asyncio
import io
import json
import time
from collections.abc import Awaitable, Callable

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    ConnectionClosedOK,
    InvalidMessage,
    InvalidStatus,
)

from bluenova_tools.simulator.__main__ import talk
from bluenova_tools.simulator.acts import Cut, Drop, Fragments, Stall, Vanish
from bluenova_tools.simulator.behaviour import Behaviour
from bluenova_tools.simulator.console import ConsoleLine
from bluenova_tools.simulator.server import ConsoleServer
from bluenova_tools.simulator.sources import LONGEST_QUEUE, Broadcast, Playback
from bluenova_tools.simulator.troubles import Troubles
from bluenova_tools.simulator.truth import Truth


def client(server: ConsoleServer, *, path: str | None = None) -> connect:
    url = server.url if path is None else f"ws://127.0.0.1:{server.port}{path}"
    return connect(url, proxy=None, open_timeout=0.5, close_timeout=0.2, ping_interval=None)


async def heard(socket: ClientConnection) -> list[bytes]:
    """All that comes until the connection ends or half a second passes."""
    messages = []
    try:
        async with asyncio.timeout(0.5):
            while True:
                messages.append(await socket.recv(decode=False))
    except (TimeoutError, ConnectionClosed):
        return messages


def with_server(
    use: Callable[[ConsoleServer], Awaitable[None]],
    *acts: str | bytes | Fragments | Cut | Drop | Stall | Vanish,
    behaviour: Behaviour = Behaviour.SERVE,
) -> None:
    async def run() -> None:
        source = Playback([(0, act) for act in acts])
        async with ConsoleServer(source, behaviour=behaviour, ping_interval_s=0.05) as server:
            await use(server)

    asyncio.run(run())


def test_each_client_hears_a_recording_from_its_beginning() -> None:
    async def use(server: ConsoleServer) -> None:
        for _ in range(2):
            async with client(server) as socket:
                assert await heard(socket) == [b"SOC: 1", b"\xff", b"bytes", b"SOC: 2"]
        assert (server.attempts, server.upgrades) == (2, 2)

    with_server(use, "SOC: 1", "\udcff", b"bytes", Fragments(("SO", "C: 2")))


def test_a_recording_keeps_its_time_and_its_speed() -> None:
    async def run() -> None:
        recording = [(0.0, "A"), (0.4, "B")]
        for speed, at_least_s, at_most_s in ((1, 0.35, 0.9), (4, 0.08, 0.3), (0, 0, 0.2)):
            async with (
                ConsoleServer(Playback(recording, speed=speed)) as server,
                client(server) as socket,
            ):
                await socket.recv()
                began_s = time.monotonic()
                await socket.recv()
                assert at_least_s <= time.monotonic() - began_s <= at_most_s

    asyncio.run(run())


def test_a_loop_begins_again() -> None:
    async def run() -> None:
        async with (
            ConsoleServer(Playback([(0.0, "A"), (0.01, "B")], loop=True)) as server,
            client(server) as socket,
        ):
            assert [await socket.recv() for _ in range(5)] == ["A", "B", "A", "B", "A"]

    asyncio.run(run())


def test_all_clients_hear_the_same_console_and_the_truth_says_how_many_they_are() -> None:
    async def run() -> None:
        written = io.StringIO()
        lines = ((0.01 * number, ConsoleLine(f"SOC: {number}", 1)) for number in range(1000))
        source = Broadcast()
        async with (
            ConsoleServer(source) as server,
            client(server) as one,
            client(server) as other,
        ):
            talking = asyncio.create_task(talk(source, lines, Truth(written)))
            first, second = [[await socket.recv() for _ in range(20)] for socket in (one, other)]
            talking.cancel()
        assert first[-10:] == second[second.index(first[-10]) :][:10]
        said = [json.loads(line) for line in written.getvalue().splitlines()]
        assert (first[-1], 2) in [(entry["line"], entry["listeners"]) for entry in said]

    asyncio.run(run())


def test_a_client_that_has_stopped_reading_is_dropped_and_costs_the_others_nothing() -> None:
    async def run() -> None:
        source = Broadcast()
        deaf, other = source.listen(), source.listen()
        waiting = [asyncio.ensure_future(anext(one)) for one in (deaf, other)]
        await asyncio.sleep(0)
        for number in range(LONGEST_QUEUE + 10):
            source.say(f"SOC: {number}")
            await waiting[1]
            waiting[1] = asyncio.ensure_future(anext(other))
            await asyncio.sleep(0)
        assert source.listeners == 1
        heard = [await waiting[0], *[await anext(deaf) for _ in range(LONGEST_QUEUE + 1)]]
        assert heard[:2] == ["SOC: 0", "SOC: 1"]
        assert heard[-1] == Drop(reset=True)
        waiting[1].cancel()

    asyncio.run(run())


def test_another_path_is_not_found() -> None:
    async def use(server: ConsoleServer) -> None:
        with pytest.raises(InvalidStatus, match="404"):
            await client(server, path="/").__aenter__()

    with_server(use, "SOC: 1")


def test_a_cut_message_never_arrives() -> None:
    async def use(server: ConsoleServer) -> None:
        async with client(server) as socket:
            assert await heard(socket) == [b"SOC: 1"]
            assert socket.close_code == 1006

    with_server(use, "SOC: 1", Cut("SOC: 2"), "SOC: 3")


@pytest.mark.parametrize("reset", [False, True])
def test_a_dropped_connection_ends_without_a_closing_handshake(reset: bool) -> None:
    async def use(server: ConsoleServer) -> None:
        async with client(server) as socket:
            await heard(socket)
            assert socket.close_code == 1006

    with_server(use, "SOC: 1", Drop(reset))


def test_a_stalled_server_answers_pings() -> None:
    async def use(server: ConsoleServer) -> None:
        async with client(server) as socket:
            assert await heard(socket) == [b"SOC: 1"]
            await asyncio.wait_for(await socket.ping(), 0.5)

    with_server(use, "SOC: 1", Stall(20), "SOC: 2")


def test_a_vanished_server_answers_nothing() -> None:
    async def use(server: ConsoleServer) -> None:
        async with client(server) as socket:
            assert await heard(socket) == [b"SOC: 1"]
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(await socket.ping(), 0.3)

    with_server(use, "SOC: 1", Vanish())


def test_a_silent_server_pings_and_says_nothing() -> None:
    async def use(server: ConsoleServer) -> None:
        async with client(server) as socket:
            assert await heard(socket) == []
            await asyncio.wait_for(await socket.ping(), 0.5)

    with_server(use, "SOC: 1", behaviour=Behaviour.SILENT)


def test_a_half_open_server_takes_the_upgrade_and_dies() -> None:
    async def use(server: ConsoleServer) -> None:
        async with client(server) as socket:
            assert await heard(socket) == []
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(await socket.ping(), 0.3)

    with_server(use, "SOC: 1", behaviour=Behaviour.HALF_OPEN)


def test_a_server_that_never_answers_takes_only_the_tcp_connection() -> None:
    async def use(server: ConsoleServer) -> None:
        with pytest.raises(TimeoutError):
            await client(server).__aenter__()
        assert (server.attempts, server.upgrades) == (1, 0)

    with_server(use, "SOC: 1", behaviour=Behaviour.NEVER_ANSWER)


def test_a_404_server_refuses_the_upgrade() -> None:
    async def use(server: ConsoleServer) -> None:
        with pytest.raises(InvalidStatus, match="404"):
            await client(server).__aenter__()

    with_server(use, "SOC: 1", behaviour=Behaviour.NOT_FOUND)


def test_a_flapping_server_accepts_and_closes() -> None:
    async def use(server: ConsoleServer) -> None:
        async with client(server) as socket:
            with pytest.raises(ConnectionClosedOK):
                await socket.recv()

    with_server(use, "SOC: 1", behaviour=Behaviour.FLAP)


def test_a_refusing_server_keeps_its_port_and_comes_back() -> None:
    async def use(server: ConsoleServer) -> None:
        port = server.port
        with pytest.raises(ConnectionRefusedError):
            await client(server).__aenter__()
        for _ in range(2):
            await server.behave(Behaviour.SERVE)
            assert server.port == port
            async with client(server) as socket:
                assert await socket.recv() == "SOC: 1"
                await server.behave(Behaviour.REFUSE)
                await heard(socket)
                assert socket.close_code == 1006
            with pytest.raises(ConnectionRefusedError):
                await client(server).__aenter__()

    with_server(use, "SOC: 1", behaviour=Behaviour.REFUSE)


def test_all_connections_can_be_dropped() -> None:
    async def use(server: ConsoleServer) -> None:
        async with client(server) as socket:
            assert await socket.recv() == "SOC: 1"
            server.drop_all()
            await heard(socket)
            assert socket.close_code == 1006

    with_server(use, "SOC: 1")


def test_troubles_receive_connections_in_their_own_ways() -> None:
    async def run() -> None:
        async with ConsoleServer(Playback([]), troubles=Troubles({"404": 1.0})) as server:
            with pytest.raises(InvalidStatus, match="404"):
                await client(server).__aenter__()
        async with ConsoleServer(Playback([]), troubles=Troubles({"refuse": 1.0})) as server:
            with pytest.raises(InvalidMessage):
                await client(server).__aenter__()
            with pytest.raises(ConnectionRefusedError):
                await client(server).__aenter__()

    asyncio.run(run())


@pytest.mark.parametrize("behaviour", [b for b in Behaviour if b is not Behaviour.REFUSE])
def test_the_end_takes_less_than_a_second_with_clients_in_any_state(behaviour: Behaviour) -> None:
    async def run() -> float:
        async with ConsoleServer(Playback([(0, "A"), (99, "B")]), behaviour=behaviour) as server:
            mute = await asyncio.open_connection("127.0.0.1", server.port)
            asking = asyncio.create_task(client(server).__aenter__())
            await asyncio.sleep(0.1)
            began_s = time.monotonic()
        took_s = time.monotonic() - began_s
        await asyncio.gather(asking, return_exceptions=True)
        mute[1].close()
        return took_s

    assert asyncio.run(run()) < 1
