"""Free TCP ports on the loopback address."""

import random
import socket

LOOPBACK = "127.0.0.1"

# Below the range from which Linux takes the ports of outgoing connections (32768 and up).
# A service that is down for a while must not find its port taken by somebody's connection.
_CANDIDATES = range(20_000, 30_000)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on.

    Raises RuntimeError if a hundred ports in a row are taken.
    """
    for _ in range(100):
        port = random.choice(_CANDIDATES)
        with socket.socket() as probe:
            # As servers do, so that connections of an earlier listener do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"No free port was found between {_CANDIDATES[0]} and {_CANDIDATES[-1]}.")


def accepts_connections(port: int, *, timeout_s: float = 1.0) -> bool:
    """Whether somebody on 127.0.0.1 accepts a TCP connection on this port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=timeout_s).close()
    except OSError:
        return False
    return True
