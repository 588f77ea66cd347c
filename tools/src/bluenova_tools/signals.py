"""The end of a program that a person started: Ctrl-C and SIGTERM are the same polite request."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps


def stop_requested() -> asyncio.Event:
    """Return an event that Ctrl-C or SIGTERM sets; call it within the running loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def ends_by_ctrl_c(main: Callable[[], int]) -> Callable[[], int]:
    """Have Ctrl-C end a program as quietly before `stop_requested` heeds it as it does then."""

    @wraps(main)
    def program() -> int:
        try:
            return main()
        except KeyboardInterrupt:
            return 0

    return program


@contextmanager
def terminal_of_our_own() -> Iterator[None]:
    """Have the terminal's Ctrl-C come to this program alone, and not also to the make above it.

    Make would end with an error, however well the program that it started took the Ctrl-C.
    """
    if not sys.stdin.isatty() or os.getpgrp() == os.getpid():
        yield
        return
    before = os.tcgetpgrp(sys.stdin.fileno())
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # what a change from the background would bring
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)  # no shell knows of us, to continue us
    os.setpgid(0, 0)
    os.tcsetpgrp(sys.stdin.fileno(), os.getpgrp())
    try:
        yield
    finally:
        os.tcsetpgrp(sys.stdin.fileno(), before)
