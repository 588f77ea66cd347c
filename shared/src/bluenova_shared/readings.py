"""How a value is read from the text after a console line's prefix. Pure.

Every reader takes that text and returns the value, or None if the line leaves it out. It raises
ValueError, with the reason, if the value cannot be read. Numbers are read as the C program read
them (blanks, sign, digits, anything after them), unless that gives a wrong value: a wrong value in
the table is worse than none.
"""

import re
from collections.abc import Callable

Value = int | float | str
Reader = Callable[[str], Value | None]

_NUMBER = re.compile(
    r"[ \t\v\f]*"
    r"(?P<whole>[+-]?(?!0[xX])[0-9]*)"  # hexadecimal would read as 0
    r"(?P<fraction>\.[0-9]*)?"
)
# Most numbers have these characters alone. Python then reads what C reads, or refuses it, and takes
# half the time of a pattern.
_PLAIN_WHOLE, _PLAIN_DECIMAL = " +-0123456789", " +-.0123456789"
_DIGIT = re.compile("[0-9]")
_EXPONENT = re.compile(r"[eE][+-]?[0-9]+")
# `53,000` or `1.234.567`: if digits follow a mark, nobody knows what the mark stands for.
_MARK = re.compile("[.,'\u2019_\u00a0\u202f][0-9]")


def _number(text: str) -> re.Match[str]:
    match = _NUMBER.match(text)
    if not match or not _DIGIT.search(match[0]):
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
    """Reads a whole number; `87.9 %` is 87."""
    number = text.partition(", ")[0]  # behind it is another value
    if not number.strip(_PLAIN_WHOLE):
        try:
            return int(number)
        except ValueError:
            pass  # such as `5-3`, of which C reads the 5
    return int(_digits(text))


def decimal(text: str) -> float:
    """Reads a number that may have a fraction and an exponent; may be infinite (`1e999`)."""
    if not text.strip(_PLAIN_DECIMAL):
        try:
            return float(text)
        except ValueError:
            pass  # as above
    match = _number(text)
    exponent = _EXPONENT.match(text, match.end())
    if exponent and _MARK.match(text, exponent.end()):
        raise ValueError("a decimal comma or thousands mark")
    return float(match[0] + (exponent[0] if exponent else ""))


def thousandths(text: str) -> float:
    """Reads a number that may have a fraction and divides it by 1000: mV become V."""
    return decimal(text) / 1000


def whole_thousandths(text: str) -> float:
    """Reads a whole number and divides it by 1000; `53123.9` is 53.123, as in the C program."""
    if not text.strip(_PLAIN_WHOLE):
        return thousandths(text)
    # float, not int: 400 digits are then infinite, hence out of range, and raise no OverflowError.
    return float(_digits(text)) / 1000


def behind(mark: str, read: Reader) -> Reader:
    """Returns a reader of what follows the first `mark`, which must be there."""

    def reader(text: str) -> Value | None:
        _, found, rest = text.partition(mark)
        if not found:
            raise ValueError(f"no {mark!r}")
        return read(rest)

    return reader


def behind_if_any(mark: str, read: Reader) -> Reader:
    """Returns a reader of what follows the first `mark`; None if there is no mark."""

    def reader(text: str) -> Value | None:
        _, found, rest = text.partition(mark)
        return read(rest) if found else None

    return reader


def rest_of_line(length: int) -> Reader:
    """Returns a reader of the rest of the line, cut to `length` and without blanks at its end."""
    return lambda text: text[:length].rstrip(" \t")


def to_quote(length: int) -> Reader:
    """Returns a reader of the text up to the closing double quote, or the end, cut to `length`."""
    return lambda text: text.partition('"')[0][:length]


def first_word(length: int) -> Reader:
    """Returns a reader of the text cut to `length`, up to its first blank."""
    return lambda text: text[:length].partition(" ")[0]
