"""What the tools' command lines take: numbers within limits, and an address to listen on."""

import argparse
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn, TypeVar

from bluenova_shared.setting_types import has_an_account, names_alone

N = TypeVar("N", int, float)


class Parser(argparse.ArgumentParser):
    """A parser that does not repeat the values of unknown options: one may be a password."""

    def error(self, message: str) -> NoReturn:
        """Ends the program with status 2."""
        super().error(names_alone(message))


def between(low: float, high: float) -> Callable[[str], float]:
    """An argparse type: a number within these limits."""
    return _within(float, low, high, f"a number from {low:g} to {high:g}")


def whole(low: int, high: int) -> Callable[[str], int]:
    """An argparse type: a whole number within these limits."""
    return _within(int, low, high, f"a whole number from {low} to {high}")


def _within(read: Callable[[str], N], low: N, high: N, what: str) -> Callable[[str], N]:
    def number(text: str) -> N:
        with suppress(ValueError):
            if low <= (value := read(text)) <= high:
                return value
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")

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
    with suppress(argparse.ArgumentTypeError):
        return whole(0, 65535)(text)
    raise argparse.ArgumentTypeError(f"port must be between 0 and 65535, and not {text!r}")


def host(text: str) -> str:
    """An argparse type: an address to listen on."""
    if has_an_account(text):
        raise argparse.ArgumentTypeError("an address to listen on has no name:password@ in it")
    return text


def file(text: str) -> Path:
    """An argparse type: a file."""
    if has_an_account(text):
        raise argparse.ArgumentTypeError("a file is needed, and no address with name:password@")
    return Path(text)


def add_version(parser: argparse.ArgumentParser) -> None:
    """Adds `--version`."""
    said = f"%(prog)s {version('bluenova-tools')}"
    parser.add_argument("--version", action="version", version=said)


def add_address(parser: argparse.ArgumentParser) -> None:
    """Adds `--host` and `--port`, where a console is to be served."""
    add = parser.add_argument
    add("--host", type=host, default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=port, default=9000, help="port to listen on; 0: any (%(default)s)")
