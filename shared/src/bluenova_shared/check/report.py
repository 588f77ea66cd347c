"""How the results look: lines for a person, or JSON. Pure."""

import json
from collections.abc import Iterable, Sequence

from bluenova_shared.check.result import Result, State

# Words of ASCII, for any terminal; the colours are ANSI's green, yellow, red and grey.
_WORDS: dict[State, str] = {"ok": "ok", "warning": "warning", "wrong": "WRONG", "skipped": "-"}
_COLOURS: dict[State, str] = {"ok": "32", "warning": "33", "wrong": "31", "skipped": "90"}


def to_lines(results: Iterable[Result], name_width: int, *, in_colour: bool) -> list[str]:
    """A line for each result, with its cure below it."""
    lines = []
    for one in results:
        word = f"{_WORDS[one.state]:8}"
        if in_colour:
            word = f"\x1b[{_COLOURS[one.state]}m{word}\x1b[0m"
        lines.append(f"{word} {one.name:{name_width}}  {_printable(one.found)}")
        if one.cure:
            lines.append(f"{'':8} {'':{name_width}}  -> {_printable(one.cure)}")
    return lines


def to_json(program: str, version: str, results: Sequence[Result]) -> str:
    """All results as one JSON object: `ok` tells whether nothing is wrong."""
    return json.dumps(
        {
            "program": program,
            "version": version,
            "ok": not wrong(results),
            "checks": [vars(one) for one in results],
        },
        indent=2,
    )


def wrong(results: Iterable[Result]) -> list[Result]:
    """Those that are wrong."""
    return [one for one in results if one.state == "wrong"]


def summary(results: Sequence[Result]) -> str:
    """How many there are of each kind, in one line."""
    counts = {state: sum(one.state == state for one in results) for state in _WORDS}
    return (
        f"{len(results)} things: {counts['ok']} ok, {counts['warning']} with a warning, "
        f"{counts['wrong']} wrong, {counts['skipped']} not looked at"
    )


def _printable(text: str) -> str:
    """The text in one line: some of it comes from other programs, and must not steer a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)
