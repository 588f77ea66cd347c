"""The connection to the battery's console, made again for ever, as events."""

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

import websockets
from websockets.asyncio.client import connect

from bluenova_collector.console.rules import Said, is_readable, read
from bluenova_collector.console.silence import Silence
from bluenova_collector.console.websocket import CLOSE_WITHIN_S, LineConnection
from bluenova_shared.backoff import Backoff
from bluenova_shared.logs import Change, Throttle
from bluenova_shared.threads import in_daemon_thread

log = logging.getLogger(__name__)

# The longest frame that is held in memory; a longer one costs the connection.
MAX_FRAME_BYTES = 2**20
# The C program's pauses between attempts; the last one repeats.
PAUSES_S = (1, 1, 2, 2, 3, 3, 5, 5, 10, 10, 30, 60)
# The same line is logged once in this time, but a change up to so many times: rare changes are all
# logged, and a link that flaps does not fill the log.
SAME_LINE_EVERY_S = 900.0
SAME_CHANGES = 3
LINES_AT_ONCE = 200


@dataclass(frozen=True)
class Connected:
    """The battery has accepted us."""


@dataclass(slots=True)  # frozen, it would take twice as long to make
class Line:
    """A line of the console, and what it says; None for chatter."""

    text: str
    said: Said | None


@dataclass(frozen=True)
class Lost:
    """The connection has ended, or did not come about."""

    why: str


Event = Connected | Line | Lost


class _Silence(Exception):  # noqa: N818  # it ends a connection, and is no error
    """The battery sent no line for too long."""


class _NoRedirects(connect):
    """Follows no redirect: the console is at the address that the user set."""

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
        """As a websocket URI, without an IPv6 address's scope, which means nothing elsewhere."""
        host = f"[{self.host.partition('%')[0]}]" if ":" in self.host else self.host
        return f"ws://{host}:{self.port}{self.path}"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Console:
    """The console at `address`, as events.

    An upgrade that takes longer than `handshake_s`, and silence of `silence_s`, end a connection.
    The pauses between attempts begin again only after a line that we can read. `steady` is a clock
    that never jumps.
    """

    def __init__(
        self,
        address: Address,
        steady: Callable[[], float],
        *,
        handshake_s: float,
        silence_s: float,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self._address = address
        self._steady = steady
        self._handshake_s = handshake_s
        self._silence_s = silence_s
        self._backoff = Backoff(pauses_s)
        self._attempts = -1
        self._throttle = Throttle(SAME_LINE_EVERY_S)
        self._change = Change()

    async def events(self) -> AsyncGenerator[Event]:
        """All that happens, connection after connection, for ever."""
        while True:
            what, pause_s = "Cannot reach", 0.0
            async with aclosing(self._one_connection()) as connection:
                async for event in connection:
                    match event:
                        case Connected():
                            self._say(logging.INFO, "Connected to")
                            what = "Lost"
                        case Line(said=said) if is_readable(said):
                            self._backoff.reset()
                        case Lost(why):
                            pause_s = self._backoff.next_s()
                            next_s = f"; next attempt in {pause_s:g} s"
                            self._say(logging.WARNING, what, f": {why}", next_s)
                    yield event
            await asyncio.sleep(pause_s)

    async def _one_connection(self) -> AsyncGenerator[Event]:
        """Its events; the last one is that it is Lost."""
        try:
            host = await self._look_up()
            # No pings, as the board may not answer them: silence shows that it is gone. No proxy,
            # as it is in the same network.
            async with _NoRedirects(
                self._address.uri,
                host=host,
                compression=None,
                proxy=None,
                open_timeout=self._handshake_s,
                ping_interval=None,
                close_timeout=CLOSE_WITHIN_S,
                max_size=(None, MAX_FRAME_BYTES),
                user_agent_header=None,
                create_connection=LineConnection,
            ) as connection:
                yield Connected()
                ours = cast(LineConnection, connection)
                async with aclosing(self._lines(ours)) as lines:
                    async for text in lines:
                        yield Line(text, read(text))
        except websockets.ConnectionClosed as closed:
            yield Lost(_why_closed(closed))
        except _Silence:
            yield Lost(f"silent for {self._silence_s:g} s")
        except TimeoutError:
            yield Lost(f"no answer to the connection request within {self._handshake_s:g} s")
        except websockets.InvalidHandshake as error:  # whoever answered is no console
            yield Lost(f"{_told(error)}; perhaps BATTERY_PORT or BATTERY_PATH is wrong")
        except (OSError, ValueError, websockets.WebSocketException) as error:
            yield Lost(_told(error))

    async def _look_up(self) -> str:
        """One of the host's addresses, another one at each attempt. Raises OSError, TimeoutError.

        In a thread of our own: the program's end would wait for one of asyncio's.
        """
        async with asyncio.timeout(self._handshake_s):
            found = await in_daemon_thread(
                lambda: socket.getaddrinfo(self._address.host, None, type=socket.SOCK_STREAM)
            )
        self._attempts += 1
        address = found[self._attempts % len(found)][4]
        if (
            len(address) == 4 and address[3]
        ):  # the scope of an fe80::1, which any interface may have
            return f"{address[0]!s}%{address[3]}"
        return str(address[0])

    async def _lines(self, connection: LineConnection) -> AsyncGenerator[str]:
        """The connection's lines. Raises _Silence, ConnectionClosed."""
        async with Silence(self._silence_s, self._steady, connection.close) as silence:
            try:
                while True:
                    lines = await connection.lines()
                    silence.heard()
                    for number, line in enumerate(lines, 1):
                        yield line
                        # A long frame must not keep everything else waiting.
                        if number % LINES_AT_ONCE == 0:
                            await asyncio.sleep(0)
            except websockets.ConnectionClosed:
                if silence.is_over:
                    raise _Silence from None
                raise

    def _say(self, level: int, what: str, why: str = "", more: str = "") -> None:
        """Logs each change; if it recurs too often, the next line counts those held back."""
        at_once = SAME_CHANGES if self._change.to(what + why) else 1
        held_back = self._throttle.admit(what, self._steady(), at_once)
        if held_back is not None:
            log.log(level, "%s the battery at %s%s%s%s", what, self._address, why, more, held_back)


def _told(error: Exception) -> str:
    """What an error says, in ASCII, as it may quote the other side."""
    return f"{ascii(str(error) or type(error).__name__)[1:-1]:.200}"


def _why_closed(closed: websockets.ConnectionClosed) -> str:
    """Why, in ASCII: the text comes from the other side and must not forge a line of our log."""
    if closed.sent and not closed.rcvd_then_sent:
        return f"we closed it ({ascii(str(closed.sent))[1:-1]:.120})"
    if closed.rcvd is None:
        return "it dropped the connection"
    return f"it closed the connection ({ascii(str(closed.rcvd))[1:-1]:.120})"
