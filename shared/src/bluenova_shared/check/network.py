"""Looks for a host's addresses and knocks at a port, without hanging."""

import asyncio
import os
import socket

from bluenova_shared.check.result import Findings
from bluenova_shared.threads import in_daemon_thread

WITHIN_S = 4.0


async def look_at_host(
    findings: Findings, what: str, host: str, port: int, *, settings: str, start: str
) -> bool:
    """Adds `<what> name` and `<what> port`; false if one of them is wrong.

    `settings` are the beginning of the settings' names (`MQTT`); `start` says how to start what
    should listen there.
    """
    try:
        async with asyncio.timeout(WITHIN_S):
            found = await in_daemon_thread(
                lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
    except (OSError, UnicodeError, TimeoutError) as error:
        findings.wrong(
            f"{what} name",
            f"{host} is not known here ({_told(error)})",
            f"Set {settings}_HOST to a name that this machine knows, or to an address. A name that "
            "ends in .local is not known in a container. Try: getent hosts " + host,
        )
        return False
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    findings.ok(f"{what} name", host if addresses == [host] else f"{host} is {addresses[0]}")
    why = await _why_closed(addresses, port)
    if why:
        findings.wrong(
            f"{what} port",
            f"nobody accepts a connection at {host}:{port} ({why})",
            f"{start}; check {settings}_HOST and {settings}_PORT, and whether a firewall is in "
            "between",
        )
        return False
    findings.ok(f"{what} port", f"{host}:{port} is open")
    return True


async def _why_closed(addresses: list[str], port: int) -> str:
    """Why none of the addresses accepts a connection; empty if one does.

    Addresses, for asyncio would look a name up in a thread that the program's end waits for.
    """
    why = "it has no address"
    for address in addresses:
        try:
            async with asyncio.timeout(WITHIN_S / len(addresses)):
                _, writer = await asyncio.open_connection(address, port)
        except (OSError, TimeoutError) as error:
            why = _told(error)
        else:
            writer.close()
            return ""
    return why


def _told(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    number = getattr(error, "errno", None)
    if number is not None and number > 0:  # asyncio's own words repeat the address
        return os.strerror(number)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
