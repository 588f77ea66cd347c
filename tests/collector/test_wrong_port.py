"""A port at which something else than the battery's console answers: the log says what to do."""

import asyncio
import logging
import subprocess
import sys
import time
from contextlib import aclosing

import pytest

from bluenova_collector.console.connection import Address, Console, Lost
from bluenova_tools.local import Mosquitto, free_port

WHAT_TO_DO = "; perhaps BATTERY_PORT or BATTERY_PATH is wrong; next attempt in 1 s"


def said_of(port: int, caplog: pytest.LogCaptureFixture) -> str:
    """What the log says of the first attempt."""

    async def try_it() -> None:
        console = Console(
            Address("127.0.0.1", port, "/ws/"), time.monotonic, handshake_s=10, silence_s=10
        )
        async with aclosing(console.events()) as events:
            assert isinstance(await anext(events), Lost)

    caplog.set_level(logging.INFO, "bluenova_collector")
    asyncio.run(try_it())
    (record,) = caplog.records
    return record.getMessage()


def said_of_answer(answer: bytes, caplog: pytest.LogCaptureFixture) -> str:
    """What is said of a server that answers so and ends the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(answer)
        await writer.drain()
        writer.close()

    async def story() -> str:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port: int = server.sockets[0].getsockname()[1]
            return await asyncio.to_thread(said_of, port, caplog)

    return asyncio.run(story())


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(b"", "did not receive a valid HTTP response", id="ends the connection"),
        pytest.param(
            b"\x15\x03\x03\x00\x02\x02\x0a",
            "did not receive a valid HTTP response",
            id="an alert of TLS",
        ),
        pytest.param(b"SSH-2.0-x\r\n", "did not receive a valid HTTP response", id="SSH"),
        pytest.param(
            b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: mqtt\r\n\r\n",
            "invalid Upgrade header: mqtt",
            id="an upgrade to something else",
        ),
    ],
)
def test_what_answers_something_else_is_told_with_what_to_do(
    answer: bytes, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert said_of_answer(answer, caplog).endswith(f": {why}{WHAT_TO_DO}")


def test_a_web_server_is_told_with_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    command = [sys.executable, "-m", "http.server", "--protocol", "HTTP/1.1"]
    command += ["--bind", "127.0.0.1", str(port)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={"PYTHONUNBUFFERED": "1"}
    ) as web:
        try:
            assert web.stdout is not None
            assert b"Serving" in web.stdout.readline()
            assert f"HTTP 404{WHAT_TO_DO}" in said_of(port, caplog)
        finally:
            web.terminate()


@pytest.mark.services
def test_a_broker_is_told_with_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    with Mosquitto() as broker:
        assert said_of(broker.port, caplog).endswith(WHAT_TO_DO)
