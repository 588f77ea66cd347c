"""What a setting may hold: each type takes a text, or says what is wrong with it."""

import contextlib
import ipaddress
import re
import unicodedata
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from bluenova_shared.service import CannotRun


class WrongSettings(CannotRun):
    """What is wrong with the settings, and what to do."""


def plain_text(value: object) -> object:
    """Returns what a setting was given, as it is.

    Raises ValueError if it is a text with bytes that are not UTF-8, or with a control character:
    neither is seen when one looks at the setting, and a NUL would end a text early.
    """
    for character in value if isinstance(value, str) else "":
        if "\ud800" <= character <= "\udfff":  # Python's stand-in for a byte of the environment
            raise ValueError("is not UTF-8")
        if unicodedata.category(character) == "Cc" or character == "\ufeff":
            raise ValueError(f"has a character in it that cannot be seen ({character!a})")
    return value


def may_hold_a_password(value: object) -> bool:
    """Tells whether a value must not be shown: a URL's `name:password@...`, a key, and the like."""
    return bool(re.search("[@:]|passw|pwd|secret|token|private key", str(value), re.IGNORECASE))


def as_given(value: object) -> str:
    """Returns a value that is wrong as a message may show it."""
    return "a text that may hold a password" if may_hold_a_password(value) else repr(str(value))


def has_an_account(text: str) -> bool:
    """Tells whether a text has an account's `name:password@` in it."""
    return re.search(":.*@", text, re.DOTALL) is not None


def names_alone(reason: str) -> str:
    """Leaves the values out of what argparse says of unknown flags: one may be a password."""
    what, unknown, words = reason.partition("unrecognized arguments: ")
    return what + unknown + " ".join(map(_name_alone, words.split()))


def _name_alone(word: str) -> str:
    """The flag in a word: `--flag` of `--flag=value`, `-f` of `-fvalue`."""
    if not word.startswith("-"):
        return "..."
    return word.partition("=")[0] if word.startswith("--") else word[:2]


def not_empty(text: str) -> str:
    """Returns the text without the blanks around it. Raises ValueError if nothing is left."""
    if not text.strip():
        raise ValueError("is empty")
    return text.strip()


def _no_account(text: str) -> str:
    if has_an_account(text):
        raise ValueError("has name:password@ in it; an account has settings of its own")
    return not_empty(text)


def _no_wildcard(text: str) -> str:
    root = _no_account(text).rstrip("/")
    if not root or set(root) & set("+#$\0"):
        raise ValueError("cannot start a topic")
    return root


def _or_none(text: object) -> object:
    """Takes an empty variable, as compose files leave it, for one that is not set."""
    return None if text == "" else text


def _upper_case(text: object) -> object:
    return text.upper() if isinstance(text, str) else text


def _a_host(text: str) -> str:
    text = _no_account(text)
    if "/" in text:
        raise ValueError("is not a host name or address; it looks like a URL or a path")
    host = text.removeprefix("[").removesuffix("]")
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(host))
    if ":" in host:
        raise ValueError("is not a host name or address; the port has a setting of its own")
    labels = host.removesuffix(".").split(".")
    if not all(re.fullmatch(r"[\w-]{1,63}", label) for label in labels):
        raise ValueError("is not a host name or address")
    return host


Port = Annotated[int, Field(ge=1, le=65535)]
Text = Annotated[str, AfterValidator(_no_account)]
Host = Annotated[str, AfterValidator(_a_host)]
Prefix = Annotated[str, AfterValidator(_no_wildcard)]  # of topics
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper_case)]
OptionalText = Annotated[str | None, BeforeValidator(_or_none)]
OptionalSecret = Annotated[SecretStr | None, BeforeValidator(_or_none)]
OptionalPath = Annotated[Path | None, BeforeValidator(_or_none)]
