"""The connection to the battery's console: made again for ever, whatever the other side does."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import websockets
from websockets.asyncio.client import ClientConnection, connect

from bluenova_collector.console.lines import LineSplitter
from bluenova_collector.console.retry import Retry
from bluenova_shared.logs import Throttle
from bluenova_shared.threads import in_daemon_thread

log = logging.getLogger(__name__)

# The longest piece of a message that is held in memory; a longer frame costs the connection.
MAX_PIECE_BYTES = 65536
# What goes on is told once in this time, and a change that recurs so often: what comes and goes is
# all told as long as it is rare, and a link that flaps does not fill the log.
SAME_LINE_EVERY_S = 60.0
SAME_CHANGES = 3


class Silence(Exception):  # noqa: N818  # no error of ours
    """The battery sent no line for too long."""


class _NoRedirects(connect):
    """The console is where the user says it is, and nowhere else."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


@dataclass(frozen=True)
class Address:
    """Where a battery's console is."""

    host: str
    port: int
    path: str

    @property
    def uri(self) -> str:
        """As a websocket URI."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ws://{host}:{self.port}{self.path}"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Console:
    """Reads the console at `address`, line by line.

    `on_line` takes each line and says whether it was readable; `on_lost` is called after each
    connection. An upgrade that takes longer than `handshake_s`, and silence of `silence_s`, end
    a connection.
    """

    def __init__(
        self,
        address: Address,
        *,
        on_line: Callable[[str], bool],
        on_lost: Callable[[], None],
        handshake_s: float,
        silence_s: float,
    ) -> None:
        self.connections = 0
        self._attempts = -1
        self._address = address
        self._on_line = on_line
        self._on_lost = on_lost
        self._handshake_s = handshake_s
        self._silence_s = silence_s
        self._retry = Retry()
        self._last_line_s = 0.0
        self._throttle = Throttle(SAME_LINE_EVERY_S)
        self._last_said = ""

    async def run(self) -> None:
        """Reads until cancelled."""
        while True:
            before = self.connections
            reason = await self._one_connection()
            what = "Cannot reach" if self.connections == before else "Lost"
            delay_s = self._retry.delay_s()
            self._say(logging.WARNING, what, f": {reason}", f"; next attempt in {delay_s:g} s")
            self._on_lost()
            await asyncio.sleep(delay_s)

    async def _one_connection(self) -> str:
        """Reads as long as it lasts, and says why it ended."""
        try:
            host = await self._look_up()
            # The board may not answer pings: silence is what tells. No proxy: it is next door.
            async with _NoRedirects(
                self._address.uri,
                host=host,
                compression=None,
                proxy=None,
                open_timeout=self._handshake_s,
                ping_interval=None,
                close_timeout=1,
                max_size=(None, MAX_PIECE_BYTES),
                user_agent_header=None,
            ) as connection:
                self.connections += 1
                self._say(logging.INFO, "Connected to")
                self._last_line_s = asyncio.get_running_loop().time()
                while True:
                    await self._one_message(connection)
        except websockets.ConnectionClosed as closed:
            return _why_closed(closed)
        except Silence:
            return f"silent for {self._silence_s:g} s"
        except TimeoutError:
            return f"no answer to the connection request within {self._handshake_s:g} s"
        except (OSError, ValueError, websockets.WebSocketException) as error:
            return f"{ascii(str(error) or type(error).__name__)[1:-1]:.200}"

    async def _look_up(self) -> str:
        """One of the host's addresses, another one at each attempt.

        Raises OSError, TimeoutError. In a thread of our own, as asyncio's would hold up the end.
        """
        async with asyncio.timeout(self._handshake_s):
            found = await in_daemon_thread(
                lambda: socket.getaddrinfo(self._address.host, None, type=socket.SOCK_STREAM)
            )
        self._attempts += 1
        return str(found[self._attempts % len(found)][4][0])

    async def _one_message(self, connection: ClientConnection) -> None:
        splitter = LineSplitter()
        try:
            async with asyncio.timeout_at(self._last_line_s + self._silence_s) as watchdog:
                async for piece in connection.recv_streaming(decode=False):
                    self._take(splitter.feed(piece))
                    watchdog.reschedule(self._last_line_s + self._silence_s)
                    # A peer that pours without a pause must not keep all else waiting.
                    await asyncio.sleep(0)
        except TimeoutError:
            raise Silence from None
        self._take(splitter.end())

    def _take(self, lines: list[str]) -> None:
        for line in lines:
            self._last_line_s = asyncio.get_running_loop().time()
            if self._on_line(line):
                self._retry.readable()

    def _say(self, level: int, what: str, why: str = "", more: str = "") -> None:
        """One line per change; the next one of a change that recurs counts those held back."""
        at_once = SAME_CHANGES if what + why != self._last_said else 1
        self._last_said = what + why
        held_back = self._throttle.admit(what, time.monotonic(), at_once)
        if held_back is None:
            return
        if held_back:
            more += f" (and {held_back} times more since this was last said)"
        log.log(level, "%s the battery at %s%s%s", what, self._address, why, more)


def _why_closed(closed: websockets.ConnectionClosed) -> str:
    """Its text may be the other side's own: it must not look like a line of ours."""
    if closed.sent and not closed.rcvd_then_sent:
        return f"we closed it ({ascii(str(closed.sent))[1:-1]:.120})"
    if closed.rcvd is None:
        return "it dropped the connection"
    return f"it closed the connection ({ascii(str(closed.rcvd))[1:-1]:.120})"
