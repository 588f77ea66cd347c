"""Makes console lines of the pieces of websocket messages. Pure; its memory is bounded."""

import re

MAX_LINE_BYTES = 4096
# The console's line ending is not known for certain. A NUL is one, too: the C program ignored
# what followed it.
_LINE_END = re.compile(rb"[\r\n\0]")


class LineSplitter:
    """Splits one message, which comes in pieces, into lines; cuts a line at the limit."""

    def __init__(self) -> None:
        self._open = b""

    def feed(self, piece: bytes) -> list[str]:
        """Returns the lines that end in this piece: decoded, bad bytes replaced, no empty ones."""
        *ended, rest = _LINE_END.split(piece)
        lines = []
        for end in ended:
            lines += self._ended(end)
        self._append(rest)
        return lines

    def end(self) -> list[str]:
        """Returns the line that ends with the message, if there is one."""
        return self._ended(b"")

    def _append(self, piece: bytes) -> None:
        self._open += piece[: MAX_LINE_BYTES - len(self._open)]

    def _ended(self, piece: bytes) -> list[str]:
        self._append(piece)
        line, self._open = self._open, b""
        return [line.decode("utf-8", "replace")] if line else []
