"""Addresses that only a network of its own has: one with a scope, and a name with several."""

import subprocess
import sys
from pathlib import Path

import pytest

# The address is given to the loopback interface of a network namespace that this test alone has.
A_SCOPE = "ip link set lo up && ip -6 address add fe80::1/64 dev lo nodad"
# The name is in a hosts file that this test alone sees.
A_NAME = (
    "ip link set lo up && printf '127.0.0.2 battery\\n127.0.0.3 battery\\n' >hosts"
    " && mount --bind hosts /etc/hosts"
)
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


SEVERAL = """
import asyncio, time
from websockets.asyncio.server import serve
from bluenova_collector.console.connection import Address, Console, Lost

asked = []

async def drop(connection):
    asked.append(connection.local_address[0])

async def listen():
    async with serve(drop, ["127.0.0.2", "127.0.0.3"], 9000):
        address = Address("battery", 9000, "/ws/")
        console = Console(
            address, time.monotonic, handshake_s=5, silence_s=5, pauses_s=[0.01]
        )
        async for event in console.events():
            if isinstance(event, Lost) and len(asked) == 4:
                return

asyncio.run(asyncio.wait_for(listen(), 10))
print(asked[0] != asked[1], asked[:2] == asked[2:], len(set(asked)))
"""


def alone(folder: Path, prepare: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Runs this with network and mounts of its own; skips the test where that cannot be."""
    namespaces = ["unshare", "--map-root-user", "--net", "--mount", "sh", "-c"]
    if subprocess.run([*namespaces, prepare], cwd=folder, check=False).returncode:
        pytest.skip("this machine gives no network namespace of one's own with IPv6")
    return subprocess.run(
        [*namespaces, f'{prepare} && exec "$@"', "sh", *command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_link_local_address_is_reached_by_its_scope(tmp_path: Path) -> None:
    done = alone(tmp_path, A_SCOPE, sys.executable, "-c", PROGRAM)
    assert "Connected()" in done.stdout, done.stdout + done.stderr


def test_a_name_with_several_addresses_has_them_tried_in_turn(tmp_path: Path) -> None:
    done = alone(tmp_path, A_NAME, sys.executable, "-c", SEVERAL)
    assert done.stdout.split() == ["True", "True", "2"], done.stdout + done.stderr
