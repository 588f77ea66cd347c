"""Reads captures of a console: what was said, and when.

Pure: it is given lines of text and returns values. Three formats are understood, line by line:

* `{"t": 1.15, "msg": "SOC: 60"}`: seconds from the connection, and a message;
* `2026-11-23T12:00:00.123Z INFO … RX: "SOC: 60"`: the collector's log with `-r`, the line as
  a JSON string;
* `2026/11/23 12:00:00 RX: SOC: 60`: the log of the C program `bluenovalistener` with `-r`,
  the line as it came.

What `docker compose logs` and `journalctl` put in front of a log's line is taken away.
Other lines with a time in front are what else a log holds, and are skipped.
"""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

# `collector-1  | ` and `Nov 25 18:00:00 host bluenova-collector[123]: `, whatever its time's form.
_IN_FRONT = re.compile(r"\S+ +\| |[^\[\]]{1,80}\[\d+\]: ")
_OUR_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)Z ")
_C_TIME = re.compile(r"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) ")
# Between the time and the mark stands at most a level and a name.
_RECEIVED = re.compile(r"(?:\S+ ){0,2}?RX: ?(.*)", re.DOTALL)


@dataclass(frozen=True)
class Heard:
    """A message of the capture; bad UTF-8 in it stands as Python's surrogate escapes."""

    at_s: float
    text: str
    whole_second: bool = False


@dataclass(frozen=True)
class Unreadable:
    """A line of the capture that nothing could be made of."""

    line_number: int
    text: str
    why: str


@dataclass(frozen=True)
class Capture:
    """All that a capture held. Times begin at 0, or where the file's own seconds begin."""

    heard: tuple[Heard, ...]
    unreadable: tuple[Unreadable, ...]
    skipped: int


def parse_capture(lines: Iterable[str]) -> Capture:
    """Reads a capture; an unreadable line is told, not fatal."""
    heard: list[Heard] = []
    unreadable: list[Unreadable] = []
    skipped = 0
    for number, line in enumerate(lines, start=1):
        text = line.rstrip("\r\n")
        if not text:
            continue
        try:
            message = parse_line(text)
        except ValueError as error:
            unreadable.append(Unreadable(number, text, str(error)))
            continue
        if message is None:
            skipped += 1
        else:
            heard.append(message)
    return Capture(tuple(_from_the_beginning(heard)), tuple(unreadable), skipped)


def parse_line(text: str) -> Heard | None:
    """Reads one line; None for a log's line that is no received one.

    Raises ValueError, with the reason, if nothing can be made of it.
    """
    if text.startswith("{"):
        return _case(text)
    # A line may hold what looks like the journal's mark: "ADC[0]: ".
    if not (_OUR_TIME.match(text) or _C_TIME.match(text)) and (match := _IN_FRONT.match(text)):
        text = text[match.end() :]
    if match := _OUR_TIME.match(text):
        at_s = datetime.fromisoformat(match[1]).replace(tzinfo=UTC).timestamp()
        received = _RECEIVED.match(text, match.end())
        return Heard(at_s, _json_text(received[1])) if received else None
    if match := _C_TIME.match(text):
        # The C program logs local time without a zone; only differences matter here.
        time = datetime.strptime(match[1], "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC)
        received = _RECEIVED.match(text, match.end())
        return Heard(time.timestamp(), received[1], whole_second=True) if received else None
    raise ValueError("neither a JSON object nor a line of a log with a time")


def _case(text: str) -> Heard:
    case = _json(text, "no JSON")
    at_s, message = case.get("t"), case.get("msg")
    if not (isinstance(at_s, float) and math.isfinite(at_s) and isinstance(message, str)):
        raise ValueError('needs a number "t" and a text "msg"')
    return Heard(at_s, _sendable(message))


def _json_text(text: str) -> str:
    line = _json(text, "no JSON string behind RX")
    if not isinstance(line, str):
        raise ValueError("no JSON string behind RX:")
    return _sendable(line)


def _json(text: str, otherwise: str) -> Any:
    try:
        # Whole numbers of any length become a float; NaN and Infinity are read, too.
        return json.loads(text, parse_int=float)
    except json.JSONDecodeError as error:
        raise ValueError(f"{otherwise}: {error}") from error


def _sendable(text: str) -> str:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ValueError(f"holds half a character: {error}") from error
    return text


def _from_the_beginning(heard: list[Heard]) -> Iterable[Heard]:
    """Makes times relative and never falling, and shares whole seconds among their lines."""
    if not heard:
        return
    # Seconds from a connection are small; a log's times are those of this century.
    first_s = heard[0].at_s if heard[0].at_s > 1e8 else 0.0
    latest_s = 0.0
    for (second_s, whole_second), group in groupby(heard, lambda m: (m.at_s, m.whole_second)):
        together = list(group)
        for number, message in enumerate(together):
            share_s = number / len(together) if whole_second else 0.0
            # A clock that was set back makes no line travel in time.
            latest_s = max(latest_s, second_s - first_s + share_s)
            yield replace(message, at_s=latest_s)
