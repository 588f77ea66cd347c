"""What all programs have in common: what they print, and how they are asked to end.

Ctrl-C and SIGTERM are the same polite request, and one is enough. The handlers of an event loop go
with the loop: another Ctrl-C would break in on what is left to do then, and show a traceback or end
the program with another status. So these handlers are the program's own.
"""

import asyncio
import io
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

REQUESTS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def as_program() -> Iterator[None]:
    """Has a program print what can be shown, and end by Ctrl-C quietly with status 0.

    Once `stop_requested` is called, it heeds the Ctrl-C.
    """
    show_what_can_be_shown()
    signal.signal(signal.SIGINT, interrupt)
    with suppress(KeyboardInterrupt):
        yield


def show_what_can_be_shown() -> None:
    """Prints a question mark for what the terminal has no letter for, a degree sign, say.

    Standard error needs none of this: Python escapes such letters there.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


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


def interrupt(*_: object) -> None:
    """A handler: raises KeyboardInterrupt, and lets nothing interrupt the ending."""
    ignore_signals()
    raise KeyboardInterrupt


def ignore_signals() -> None:
    """Lets the ending, which is bounded in time, come to its end."""
    for number in REQUESTS:
        signal.signal(number, signal.SIG_IGN)
