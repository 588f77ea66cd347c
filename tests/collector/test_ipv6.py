"""An IPv6 address that each interface may have: it needs its scope. In a network of its own."""

import subprocess
import sys

import pytest

# The address is given to the loopback interface of a network namespace that this test alone has.
PREPARE = "ip link set lo up && ip -6 address add fe80::1/64 dev lo nodad && exec "
PROGRAM = """
import asyncio, time
from websockets.asyncio.server import serve
from bluenova_collector.console.connection import Address, Console, Line

async def speak(connection):
    await connection.send("SOC: 87")
    await connection.wait_closed()

async def listen(host):
    async with serve(speak, "fe80::1%lo", 0) as server:
        port = server.sockets[0].getsockname()[1]
        console = Console(Address(host, port, "/ws/"), time.monotonic, handshake_s=5, silence_s=5)
        async for event in console.events():
            print(event, flush=True)
            return event

print(asyncio.run(asyncio.wait_for(listen("fe80::1%lo"), 10)))
"""


def alone(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["unshare", "--map-root-user", "--net", "sh", "-c", PREPARE + program],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_link_local_address_is_reached_by_its_scope() -> None:
    if alone("true").returncode:
        pytest.skip("this machine gives no network namespace of one's own with IPv6")
    done = alone(f"{sys.executable} -c '{PROGRAM}'")
    assert "Connected()" in done.stdout, done.stdout + done.stderr
