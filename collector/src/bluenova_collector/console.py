"""The connection to the battery's console: made again for ever, whatever the other side does."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import websockets
from websockets.asyncio.client import ClientConnection, connect

from bluenova_collector.lines import LineSplitter
from bluenova_collector.retry import Retry
from bluenova_shared.logs import Throttle

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
            self._say(logging.WARNING, f"{what} the battery at {self._address}: {reason}", delay_s)
            self._on_lost()
            await asyncio.sleep(delay_s)

    async def _one_connection(self) -> str:
        """Reads as long as it lasts, and says why it ended."""
        try:
            # The board may not answer pings: silence is what tells. No proxy: it is next door.
            async with _NoRedirects(
                self._address.uri,
                compression=None,
                proxy=None,
                open_timeout=self._handshake_s,
                ping_interval=None,
                close_timeout=1,
                max_size=(None, MAX_PIECE_BYTES),
                user_agent_header=None,
            ) as socket:
                self.connections += 1
                self._say(logging.INFO, f"Connected to the battery at {self._address}")
                self._last_line_s = asyncio.get_running_loop().time()
                while True:
                    await self._one_message(socket)
        except websockets.ConnectionClosed as closed:
            return _why_closed(closed)
        except Silence:
            return f"silent for {self._silence_s:g} s"
        except TimeoutError:
            return f"no answer to the connection request within {self._handshake_s:g} s"
        except (OSError, websockets.WebSocketException) as error:
            return str(error) or type(error).__name__

    async def _one_message(self, socket: ClientConnection) -> None:
        splitter = LineSplitter()
        try:
            async with asyncio.timeout_at(self._last_line_s + self._silence_s) as watchdog:
                async for piece in socket.recv_streaming(decode=False):
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

    def _say(self, level: int, what: str, delay_s: float | None = None) -> None:
        """One line per change; the next one of a change that recurs counts those held back."""
        at_once = SAME_CHANGES if what != self._last_said else 1
        self._last_said = what
        held_back = self._throttle.admit(what, time.monotonic(), at_once)
        if held_back is None:
            return
        if delay_s is not None:
            what += f"; next attempt in {delay_s:g} s"
        if held_back:
            what += f" (and {held_back} times more since this was last said)"
        log.log(level, "%s", what)


def _why_closed(closed: websockets.ConnectionClosed) -> str:
    if closed.sent and not closed.rcvd_then_sent:
        return f"we closed it ({closed.sent})"
    return (
        f"it closed the connection ({closed.rcvd})" if closed.rcvd else "it dropped the connection"
    )
