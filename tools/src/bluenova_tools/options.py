"""What the tools' command lines take: numbers within limits, and an address to listen on."""

import argparse
from collections.abc import Callable


def between(low: float, high: float) -> Callable[[str], float]:
    """An argparse type: a number within these limits."""

    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low:g} to {high:g}")
        return value

    return number


def whole(low: int, high: int) -> Callable[[str], int]:
    """An argparse type: a whole number within these limits."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return value

    return number


def one_of(*names: str) -> Callable[[str], str]:
    """An argparse type: one of these words. Unlike `choices`, it judges a default, too."""

    def name(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(f"{text!r} is not {' or '.join(filter(None, names))}")
        return text

    return name


def port(text: str) -> int:
    """An argparse type: a TCP port, or 0 for one that is free."""
    try:
        return whole(0, 65535)(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"port must be between 0 and 65535, and not {text!r}"
        ) from None


def add_address(parser: argparse.ArgumentParser) -> None:
    """Add `--host` and `--port`, where a console is to be served."""
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=port, default=9000, help="port to listen on; 0: any (%(default)s)")
