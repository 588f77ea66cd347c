"""Runs a service's `check`: room by room, all at the same time, and no longer than its limit."""

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version

from bluenova_shared.check.report import summary, to_json, to_lines, wrong
from bluenova_shared.check.result import Findings, Result
from bluenova_shared.service import CannotRun

LIMIT_S = 20.0
# Of the names in a column; a longer one moves its line only.
NAME_WIDTH = 35


@dataclass(frozen=True)
class Room:
    """What belongs together: its results' names in their order, and what looks at them.

    `look` may end early: what has no result then was not looked at.
    """

    names: Sequence[str]
    look: Callable[[Findings], Awaitable[None]]


async def run_check(
    program: str,
    arguments: list[str],
    rooms: Callable[[list[str]], list[Room]],
    environment: Mapping[str, str],
    *,
    limit_s: float = LIMIT_S,
    stop: asyncio.Event | None = None,
) -> None:
    """Looks at all rooms and prints what was found. Raises CannotRun if anything is wrong.

    `rooms` makes them from the command line without `--json`; wrong settings are a result, too. It
    is wrong, too, if `stop` is set before all was looked at.
    """
    with _failures_told():
        # The log is the service's: it may have its file open, which this one must not rotate.
        logging.getLogger().addHandler(logging.NullHandler())
        as_json, stop = "--json" in arguments, stop or asyncio.Event()
        in_colour = _shows_colour(environment)
        results: list[Result] = []

        def say(some: Sequence[Result]) -> None:
            results.extend(some)
            if not as_json:
                _print("\n".join(to_lines(some, NAME_WIDTH, in_colour=in_colour)))

        try:
            wanted = rooms([word for word in arguments if word != "--json"])
        except CannotRun as problems:
            say([_of_setting(line) for line in str(problems).splitlines()])
        else:
            say([Result("settings", "ok", "all can be used")])
            looks = [asyncio.create_task(_look(room, limit_s)) for room in wanted]
            stopped = asyncio.create_task(stop.wait())
            for look in looks:
                await asyncio.wait([look, stopped], return_when=asyncio.FIRST_COMPLETED)
                if stop.is_set():
                    raise CannotRun("the check was stopped, before all was looked at")
                say(await look)
            stopped.cancel()
        _print(to_json(program, version(program), results) if as_json else summary(results))
        if bad := wrong(results):
            raise CannotRun(f"wrong: {', '.join(dict.fromkeys(one.name for one in bad))}")


@contextmanager
def _failures_told() -> Iterator[None]:
    """Raises CannotRun for what should not happen: the log, which would tell it, is silent here."""
    try:
        yield
    except CannotRun:
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise CannotRun(f"the check failed, before all was looked at ({said})") from None


def _shows_colour(environment: Mapping[str, str]) -> bool:
    is_terminal = sys.stdout is not None and sys.stdout.isatty()  # None: it was closed
    return is_terminal and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


async def _look(room: Room, limit_s: float) -> list[Result]:
    findings = Findings()
    try:
        async with asyncio.timeout(limit_s):
            await room.look(findings)
    except TimeoutError:
        _failed(room, findings, f"no answer within {limit_s:g} s", "Try again; see the logs")
    except Exception as error:  # one defect must not hide what all the others found
        said = f"this check itself failed: {type(error).__name__}: {error}"
        _failed(room, findings, said, "Report this, with the program's version")
    # A thread that hangs may still add to it.
    findings = Findings(list(findings.results))
    findings.complete(room.names)
    return findings.results


def _failed(room: Room, findings: Findings, found: str, cure: str) -> None:
    name = next(iter(findings.missing(room.names)), room.names[-1])
    findings.wrong(name, found, cure)


def _of_setting(line: str) -> Result:
    """What a message about settings says: first what is wrong, then what to do."""
    found, _, cure = line.partition(". ")
    return Result("settings", "wrong", found, cure)


def _print(text: str) -> None:
    try:
        print(text, flush=True)  # noqa: T201  # a command for people, whose log is none of this
    except BrokenPipeError:
        # Whoever read it has seen enough (`| head -1`); the exit status tells the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
