"""Makes console lines of the pieces of websocket messages. Pure; its memory is bounded."""

MAX_LINE_BYTES = 4096
# The console's line ending is not known for certain. A NUL is one, too: the C program ignored
# what followed it.
_ENDS_ALIKE = bytes.maketrans(b"\r\0", b"\n\n")


class LineSplitter:
    """Splits one message, which comes in pieces, into lines; cuts a line at the limit."""

    def __init__(self) -> None:
        self._open = b""

    def feed(self, piece: bytes) -> list[str]:
        """Returns the lines that end in this piece: decoded, bad bytes replaced, no empty ones."""
        *ended, rest = piece.translate(_ENDS_ALIKE).split(b"\n")
        lines = []
        for end in ended:
            self._append(end)
            lines += self.end()
        self._append(rest)
        return lines

    def end(self) -> list[str]:
        """Returns the line that ends with the message, if there is one."""
        line, self._open = self._open, b""
        return [line.decode("utf-8", "replace")] if line else []

    def _append(self, piece: bytes) -> None:
        self._open += piece[: MAX_LINE_BYTES - len(self._open)]
