"""Work that blocks, beside the event loop."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar, cast

T = TypeVar("T")


async def in_daemon_thread(operation: Callable[[], T]) -> T:
    """Runs what blocks. A daemon's thread: one that hangs must not hold up the program's end.

    What the operation had in hand when it raised an error is free as soon as that is handled. An
    error's traceback keeps all frames that it came through. A frame that keeps the error in turn is
    freed only when Python looks for garbage: a batch that failed again and again took 0.2 to 3 MB
    each time.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    arguments = (operation, loop, future)
    threading.Thread(target=_run, args=arguments, name="blocking", daemon=True).start()
    try:
        return await future
    finally:
        del future, arguments  # they keep the error


def _run(
    operation: Callable[[], T], loop: asyncio.AbstractEventLoop, future: asyncio.Future[T]
) -> None:
    result, error = None, None
    try:
        result = operation()
    except BaseException as raised:  # it is raised where the result is awaited
        error = raised
    with contextlib.suppress(RuntimeError):  # the loop may have been closed
        loop.call_soon_threadsafe(_resolve, future, result, error)
    del future, error  # it keeps this frame


def _resolve(future: asyncio.Future[T], result: T | None, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(cast(T, result))
