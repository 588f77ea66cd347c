"""From the pieces of websocket messages to console lines: pure, and bounded whatever is fed."""

from __future__ import annotations

import re

MAX_LINE_BYTES = 4096
# The console's line ending is not known for certain. A NUL counts as one, too: the C program saw
# nothing behind it.
_LINE_END = re.compile(rb"[\r\n\0]")


class LineSplitter:
    """Splits one message, fed in pieces, into lines; a line over the limit loses its end."""

    def __init__(self) -> None:
        self._open = b""

    def feed(self, piece: bytes) -> list[str]:
        """The lines that end within this piece: decoded, bad bytes replaced, without empty ones."""
        *ended, rest = _LINE_END.split(piece)
        lines = []
        for end in ended:
            lines += self._ended(end)
        self._append(rest)
        return lines

    def end(self) -> list[str]:
        """The line that ends with the message, if there is one."""
        return self._ended(b"")

    def _append(self, piece: bytes) -> None:
        self._open += piece[: MAX_LINE_BYTES - len(self._open)]

    def _ended(self, piece: bytes) -> list[str]:
        self._append(piece)
        line, self._open = self._open, b""
        return [line.decode("utf-8", "replace")] if line else []
