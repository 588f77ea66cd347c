"""How a value is read from the text behind a console line's prefix.

Every reader takes the text behind the prefix and returns the value, or None where the line
leaves the value out, and raises ValueError with the reason where there is one that cannot be read.
Numbers are read as the C program read them (blanks, sign, digits, any tail), except where that
gives a wrong value: a wrong value in the table is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Value = int | float | str
Reader = Callable[[str], Value | None]

_NUMBER = re.compile(
    r"[ \t\v\f]*"
    r"(?P<whole>[+-]?(?!0[xX])[0-9]*)"  # hexadecimal would read as 0
    r"(?P<fraction>\.[0-9]*)?"
)
_EXPONENT = re.compile(r"[eE][+-]?[0-9]+")
# `53,000` or `1.234.567`: where the digits go on behind a mark, nobody knows what it stands for.
_MARK = re.compile("[.,'\u2019_\u00a0\u202f][0-9]")


def _number(text: str) -> re.Match[str]:
    match = _NUMBER.match(text)
    if not match or not re.search("[0-9]", match[0]):
        raise ValueError("no number")
    if _MARK.match(text, match.end()):
        raise ValueError("a decimal comma or thousands mark")
    return match


def _digits(text: str) -> str:
    digits = _number(text)["whole"]
    if digits in ("", "+", "-"):
        raise ValueError("no number")
    return digits


def whole(text: str) -> int:
    """A whole number; `87.9 %` is 87."""
    return int(_digits(text))


def decimal(text: str) -> float:
    """A number that may have a fraction and an exponent; may be infinite (`1e999`)."""
    match = _number(text)
    exponent = _EXPONENT.match(text, match.end())
    if exponent and _MARK.match(text, exponent.end()):
        raise ValueError("a decimal comma or thousands mark")
    return float(match[0] + (exponent[0] if exponent else ""))


def thousandths(text: str) -> float:
    """A number that may have a fraction, in thousandths: mV that become V."""
    return decimal(text) / 1000


def whole_thousandths(text: str) -> float:
    """A whole number of thousandths; `53123.9` is 53.123, as the C program read it."""
    # Not through int: 400 digits are out of range then, and no OverflowError.
    return float(_digits(text)) / 1000


def behind(mark: str, read: Reader) -> Reader:
    """What stands behind the first `mark`, which must be there."""

    def reader(text: str) -> Value | None:
        _, found, rest = text.partition(mark)
        if not found:
            raise ValueError(f"no {mark!r}")
        return read(rest)

    return reader


def behind_if_any(mark: str, read: Reader) -> Reader:
    """What stands behind the first `mark`; None where there is no mark."""

    def reader(text: str) -> Value | None:
        _, found, rest = text.partition(mark)
        return read(rest) if found else None

    return reader


def rest_of_line(length: int) -> Reader:
    """The rest of the line, without blanks at its end, cut to `length` characters."""
    return lambda text: text[:length].rstrip(" \t")


def to_quote(length: int) -> Reader:
    """The text up to the closing double quote (to the end if there is none), cut to `length`."""
    return lambda text: text.partition('"')[0][:length]


def first_word(length: int) -> Reader:
    """The first `length` characters, then up to the first blank."""
    return lambda text: text[:length].partition(" ")[0]
