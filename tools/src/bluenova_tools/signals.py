"""The end of a program that a person started: Ctrl-C and SIGTERM are the same polite request."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any


def stop_requested() -> asyncio.Event:
    """An event that Ctrl-C or SIGTERM sets, from the running loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def until_one_ends(*works: Coroutine[Any, Any, object]) -> None:
    """Does these at once until the first one ends; raises what that one raises."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def ends_by_ctrl_c() -> Iterator[None]:
    """Has Ctrl-C end a program quietly, with status 0, before `stop_requested` heeds it, too."""
    with suppress(KeyboardInterrupt):
        yield


@contextmanager
def terminal_of_our_own() -> Iterator[None]:
    """Has the terminal's Ctrl-C come to this program alone, and not also to the make above it.

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
