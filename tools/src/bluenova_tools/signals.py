"""What a program that a person started waits for, and whom the terminal's Ctrl-C reaches."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any


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
