"""The end of a program: Ctrl-C and SIGTERM are the same polite request, and one is enough.

The handlers of an event loop go with the loop. Another Ctrl-C would break in on what is left to do
then, and show a traceback or end the program with another status. So these are the program's own.
"""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

REQUESTS = (signal.SIGINT, signal.SIGTERM)


def stop_requested() -> asyncio.Event:
    """An event that Ctrl-C or SIGTERM sets, from the running loop; further ones do nothing."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def request(*_: object) -> None:
        ignore_signals()
        with suppress(RuntimeError):  # the loop has ended by itself
            loop.call_soon_threadsafe(stop.set)

    for number in REQUESTS:
        signal.signal(number, request)
    return stop


@contextmanager
def ends_by_ctrl_c() -> Iterator[None]:
    """Has Ctrl-C end a program quietly, with status 0, before `stop_requested` heeds it, too."""
    signal.signal(signal.SIGINT, interrupt)
    with suppress(KeyboardInterrupt):
        yield


def interrupt(*_: object) -> None:
    """A handler: raises KeyboardInterrupt, and lets nothing interrupt the ending."""
    ignore_signals()
    raise KeyboardInterrupt


def ignore_signals() -> None:
    """Lets the ending, which is bounded in time, come to its end."""
    for number in REQUESTS:
        signal.signal(number, signal.SIG_IGN)
