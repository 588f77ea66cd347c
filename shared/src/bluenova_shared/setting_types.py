"""What a setting may hold: each type takes a text, or says what is wrong with it."""

import contextlib
import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from bluenova_shared.service import CannotRun


class WrongSettings(CannotRun):
    """What is wrong with the settings, and what to do."""


def _not_empty(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text.strip()


def _no_wildcard(text: str) -> str:
    root = _not_empty(text).rstrip("/")
    if not root or set(root) & set("+#$\0"):
        raise ValueError("cannot start a topic")
    return root


def _or_none(text: object) -> object:
    """Takes an empty variable, as compose files leave it, for one that is not set."""
    return None if text == "" else text


def _upper_case(text: object) -> object:
    return text.upper() if isinstance(text, str) else text


def _a_host(text: str) -> str:
    if "/" in text:
        raise ValueError("is not a host name or address; it looks like a URL or a path")
    host = _not_empty(text).removeprefix("[").removesuffix("]")
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(host))
    if ":" in host:
        raise ValueError("is not a host name or address; the port has a setting of its own")
    labels = host.removesuffix(".").split(".")
    if not all(re.fullmatch(r"[\w-]{1,63}", label) for label in labels):
        raise ValueError("is not a host name or address")
    return host


Port = Annotated[int, Field(ge=1, le=65535)]
Text = Annotated[str, AfterValidator(_not_empty)]
Host = Annotated[str, AfterValidator(_a_host)]
Prefix = Annotated[str, AfterValidator(_no_wildcard)]  # of topics
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper_case)]
OptionalText = Annotated[str | None, BeforeValidator(_or_none)]
OptionalSecret = Annotated[SecretStr | None, BeforeValidator(_or_none)]
OptionalPath = Annotated[Path | None, BeforeValidator(_or_none)]
