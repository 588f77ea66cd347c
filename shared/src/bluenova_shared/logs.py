"""Logging for the services: UTC, one line per event, files that rotate as the C program's."""

import logging
import logging.handlers
import sys
import time
from collections.abc import Hashable
from pathlib import Path

FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s"


class KeptLogFile(logging.handlers.RotatingFileHandler):
    """Rotates at `max_bytes` (0: never) and keeps `files` files, the current one included.

    With `flush` false, lines may stay in memory until a warning, 8 KiB, or the end of the program
    (SIGTERM included); nothing is lost but by a kill.
    """

    def __init__(self, path: Path, *, files: int, max_bytes: int, flush: bool) -> None:
        self._flush_each_line = flush
        self._closing = False
        super().__init__(path, maxBytes=max_bytes, backupCount=files - 1, encoding="utf-8")

    def doRollover(self) -> None:  # noqa: N802  # the name is logging's
        """Begins a new file, and drops the oldest if there are enough."""
        if self.backupCount == 0:
            # The one file that is kept starts anew; logging's own handler would let it grow.
            if self.stream:
                self.stream.truncate(0)
            return
        super().doRollover()

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a line; a warning takes all before it along to the disk."""
        super().emit(record)
        if record.levelno >= logging.WARNING:
            logging.StreamHandler.flush(self)

    def flush(self) -> None:
        """Writes out what waits, if each line is to be written at once, and at the end."""
        if self._flush_each_line or self._closing:
            super().flush()

    def close(self) -> None:
        """Writes out what waits, and closes the file."""
        self._closing = True
        super().close()


def set_up(
    level: str,
    path: Path | None = None,
    *,
    files: int = 5,
    max_bytes: int = 50 * 2**20,
    flush: bool = False,
) -> None:
    """Sends all logging to the console, or to `path`; an existing log is added to.

    Raises OSError if the file cannot be written.
    """
    handler: logging.Handler = (
        logging.StreamHandler(sys.stdout)
        if path is None
        else KeptLogFile(path, files=files, max_bytes=max_bytes, flush=flush)
    )
    formatter = logging.Formatter(FORMAT, datefmt="%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level)
    # The libraries' own accounts of each connection; the services say themselves what matters.
    for library in ("websockets", "asyncio", "paho"):
        logging.getLogger(library).setLevel(logging.CRITICAL)


class Change:
    """Tells a change from what goes on, so that what was said is not said again."""

    def __init__(self, at_first: object = None) -> None:
        self._last = at_first

    def to(self, what: object) -> bool:
        """Whether this is something else than the last time."""
        before, self._last = self._last, what
        return what != before


class Throttle:
    """Lets one message for each key through in `every_s` seconds, and counts those held back."""

    def __init__(self, every_s: float, keys: int = 200) -> None:
        self._every_s = every_s
        self._keys = keys
        self._admitted: dict[Hashable, list[float]] = {}
        self._held_back: dict[Hashable, int] = {}

    def admit(self, key: Hashable, now_s: float, at_once: int = 1) -> str | None:
        """None if the message is to be held back; else its end, which says how many were.

        `at_once` is how many of its key may come within `every_s`.
        """
        recent = [s for s in self._admitted.get(key, ()) if now_s - s < self._every_s]
        if len(recent) >= at_once:
            self._held_back[key] = self._held_back.get(key, 0) + 1
            return None
        if len(self._admitted) >= self._keys and key not in self._admitted:
            self._forget_old(now_s)
            if len(self._admitted) >= self._keys:
                return None  # more kinds in so short a time than anyone reads
        self._admitted[key] = [*recent, now_s]
        held_back = self._held_back.pop(key, 0)
        return f" ({held_back} more since this was last said)" if held_back else ""

    def _forget_old(self, now_s: float) -> None:
        old = [key for key, at in self._admitted.items() if now_s - at[-1] >= self._every_s]
        for key in old:
            del self._admitted[key]
            self._held_back.pop(key, None)
