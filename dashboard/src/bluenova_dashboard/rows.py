"""Rows of an answer, and JSON of many of them, each held in little memory: pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from bluenova_dashboard.ranges import moment_text


class Row(Mapping[str, Any]):
    """The values of a row by column. All rows of an answer share the names: a third of a dict."""

    __slots__ = ("_places", "_values")

    def __init__(self, places: Mapping[str, int], values: Sequence[Any]) -> None:
        self._places = places
        self._values = values

    def __getitem__(self, name: str) -> Any:
        return self._values[self._places[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def json_bytes(value: object, depth: int) -> bytes:
    """Its JSON, the parts of objects and lists each by itself down to this depth.

    The encoder holds a text for each number until it is done: for all the figures of a view at once
    that would be ten times the JSON. Times are written as the API's description says.
    """
    return b"".join(_pieces(value, depth))


def _pieces(value: object, depth: int) -> Iterator[bytes]:
    if depth and isinstance(value, Mapping):
        before = b"{"
        for name, one in value.items():
            yield before + _encode(name).encode() + b":"
            yield from _pieces(one, depth - 1)
            before = b","
        yield b"}" if value else b"{}"
    elif depth and isinstance(value, list):
        before = b"["
        for one in value:
            yield before
            yield from _pieces(one, depth - 1)
            before = b","
        yield b"]" if value else b"[]"
    else:
        yield _encode(value).encode()


def _plain(value: object) -> Any:
    if isinstance(value, Row):
        return dict(value)
    if isinstance(value, datetime):
        return moment_text(value) if value.tzinfo else f"{value.isoformat()}Z"
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"no JSON for {type(value)}")


_encode = json.JSONEncoder(default=_plain, allow_nan=False, separators=(",", ":")).encode
