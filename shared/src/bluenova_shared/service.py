"""What the services' `__main__` have in common: their jobs, SIGTERM, and the exit status."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from bluenova_shared import logs
from bluenova_shared.health import Troubles, forget_state, keep_beating
from bluenova_shared.program import as_program, stop_requested

log = logging.getLogger(__name__)

# How many objects may come before Python looks for garbage among them (its default: 700). With
# 50,000 it is hardly quicker, and the page grew to 140 MB instead of 69: each answer leaves some.
YOUNG_OBJECTS = 5_000

Job = Coroutine[Any, Any, None]


class CannotRun(Exception):  # noqa: N818  # reads better than CannotRunError where it is caught
    """Why the program ends: one line for each reason, fit to be shown to the user."""


async def run_jobs(
    jobs: list[Job],
    link: Job,
    farewell: Callable[[], Awaitable[None]],
    *,
    health_file: Path | None,
    troubles: Troubles,
    steady: Callable[[], float],
) -> None:
    """Runs the jobs and the link, which never end by themselves, until SIGTERM or SIGINT.

    The jobs are over when the farewell is said: what it says stays true. The link is still up. A
    job that fails ends the program, which Docker or systemd starts again.
    """
    if health_file is not None:
        jobs = [*jobs, keep_beating(health_file, troubles, steady)]
    stop = stop_requested()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, logs.reopen)
    look_seldom_for_garbage()
    tasks = [asyncio.create_task(job) for job in jobs]
    linked, stopped = asyncio.create_task(link), asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([*tasks, linked, stopped], return_when=asyncio.FIRST_COMPLETED)
    try:
        for task in done - {stopped}:
            task.result()
        log.info("Stopping")
    finally:
        await _end(*tasks, stopped)
        try:
            await farewell()
        finally:
            await _end(linked)
    if health_file is not None:  # that of a service that failed stays: it tells when that was
        forget_state(health_file)


def look_seldom_for_garbage() -> None:
    """Has Python look for garbage less often, and not at what is there by now.

    To look for it means to look at all objects. What is there stays for ever, and rows come by the
    thousand and go without cycles: 10,000 at once took 1.8 s of CPU, not 1.3 s.
    """
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


async def _end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def main(program: str, serve: Callable[[list[str]], Coroutine[Any, Any, None]]) -> int:
    """The exit status: 0 after a signal, 1 if it cannot run, 2 for what should not happen.

    Ends the process itself if a thread is in the middle of something.
    """
    status = _run(program, serve)
    if threading.active_count() > 1:
        # To end as usual, Python takes apart what such a thread works with: once in thousands of
        # stops, a recorder that was connecting to its database died of a "double free".
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        os._exit(status)
    return status


def _run(program: str, serve: Callable[[list[str]], Coroutine[Any, Any, None]]) -> int:
    try:
        with as_program():
            asyncio.run(serve(sys.argv[1:]))
    except CannotRun as reason:
        for line in str(reason).splitlines():
            print(f"{program}: {line}", file=sys.stderr)  # noqa: T201  # there may be no log yet
        return 1
    except Exception:
        log.critical("%s ends: this should not happen", program, exc_info=True)
        return 2
    finally:
        logging.shutdown()
    return 0
