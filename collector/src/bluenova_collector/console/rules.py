"""What a console line says: one rule per prefix, derived from the Snapshot's annotations. Pure.

A new kind of line needs nothing here: it is a field of `bluenova_shared.snapshot.Snapshot`,
annotated with its Line. Only the MCU ID and the energy totals have rules of their own below.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from bluenova_shared.identity import McuId
from bluenova_shared.quantity import REAL_MAX, SMALLINT_MAX, Column, Counted, Line, Series
from bluenova_shared.readings import Reader, Value, decimal
from bluenova_shared.table import marked, quantities, value_type

MCU_ID = "MCU ID: "
ENERGY_FOLLOWS = "DEBUG: CALC PACK_CHARGE, STORE IN FLASH"
ENERGY = "Write EnergyOut: "


# Where a value belongs: a field of the Snapshot, and the index in it if that is an array.
Place = tuple[str, int | None]
# The values of a line, which nobody changes, as they are remembered. In an object around them, they
# would take a twelfth longer.
Readings = dict[Place, Value]

# A battery says the same lines again and again: what so many said is remembered, if they are short.
# In its first hour three in four were said before, later nearly nine in ten; to look one up takes a
# twentieth of the time. Lines that vary would only take the place of others.
MOST_REMEMBERED, SHORT = 8192, 64
# What is new of one cell, another has mostly said: so many of their values are remembered, of short
# texts, too. The longest line of garbage takes 16 KB.
MOST_OF_CELLS = 512


@dataclass(frozen=True)
class Unreadable:
    """A line with a known prefix of which a value cannot be read."""

    prefix: str
    line: str
    why: str


@dataclass(frozen=True)
class Partly:
    """The values of a line that can be read, and those that cannot."""

    readings: Readings
    unreadable: tuple[Unreadable, ...]


@dataclass(frozen=True)
class Occurrence:
    """A line that `field` counts."""

    field: str


@dataclass(frozen=True)
class Named:
    """The lines from here on are about this battery."""

    mcu_id: str


@dataclass(frozen=True)
class EnergyFollows:
    """The next two energy totals are the discharged and the charged one."""


@dataclass(frozen=True)
class EnergyTotal:
    """An energy total; its order tells which one."""

    value: float


Said = Readings | Partly | Occurrence | Named | EnergyFollows | EnergyTotal | Unreadable


class Check:
    """Checks and rounds a field's value, by the field's type."""

    def __init__(self, field: FieldInfo, column: Column) -> None:
        self._validate = TypeAdapter[Any](value_type(field)).validator.validate_python
        self._column = column

    def __call__(self, value: Value) -> Value:
        """Returns the value as the table holds it. Raises ValidationError if it cannot be."""
        return self._column.rounded(self._validate(value))


@dataclass(frozen=True)
class Rule:
    """Where a value belongs, and how it is read from the text after a prefix, and checked.

    What is `between` two numbers needs no other check: the field takes both. A line that `varies`
    is hardly ever said twice alike.
    """

    place: Place
    read: Reader
    between: tuple[float, float] | None
    varies: bool


# What the columns of numbers take.
_TAKES = {"SMALLINT": (-SMALLINT_MAX - 1, SMALLINT_MAX), "REAL": (-REAL_MAX, REAL_MAX)}
CHECKS = {name: Check(field, column) for name, field, column in quantities()}


def _checked(read: Reader, check: Check) -> Reader:
    def reader(text: str) -> Value | None:
        found = read(text)
        return None if found is None else check(found)

    return reader


def _bounded(read: Reader, rounded: Callable[[Value], Value], low: float, high: float) -> Reader:
    def reader(text: str) -> Value | None:
        found = read(text)
        if found is None:
            return None
        value = rounded(found)
        # Compared as it is: a whole number of 400 digits is no float.
        if isinstance(value, str) or not low <= value <= high:
            raise ValueError(f"not between {low} and {high}")
        return value

    return reader


def _remembering(read: Reader) -> Reader:
    remembered = lru_cache(MOST_OF_CELLS)(read)
    return lambda text: remembered(text) if len(text) <= SHORT else read(text)


def _rules() -> Iterator[tuple[str, Rule]]:
    for name, field, column in quantities():
        line, series = marked(field, Line), marked(field, Series)
        if line is None:
            continue
        if between := line.between or _TAKES.get(column.sql_type):
            read = _bounded(line.read, column.rounded, *between)
        else:
            read = _checked(line.read, CHECKS[name])
        if series is None:
            yield line.prefix, Rule((name, None), read, between, line.varies)
            continue
        if series.per_cell:
            read = _remembering(read)
        for index in range(series.count):
            prefix = line.prefix.format(series.first + index)
            yield prefix, Rule((name, index), read, between, line.varies)


RULES: dict[str, list[Rule]] = {}
for _prefix, _rule in _rules():
    RULES.setdefault(_prefix, []).append(_rule)
_VARIES = {prefix for prefix, rules in RULES.items() if any(rule.varies for rule in rules)}

COUNTED = {
    counted.prefix: name for name, field, _ in quantities() if (counted := marked(field, Counted))
}

MCU_ID_CHECK: TypeAdapter[str] = TypeAdapter(McuId)
_MCU_ID = re.compile(r"[ \t]*(?:0[xX])?([0-9A-Fa-f]+)")

_PREFIXES = "|".join(map(re.escape, (*RULES, *COUNTED, MCU_ID, ENERGY_FOLLOWS, ENERGY)))
_PREFIX_AND_TEXT = re.compile(f"({_PREFIXES})(.*)", re.DOTALL)

_remembered: dict[str, Said | None] = {}


def read(line: str) -> Said | None:
    """Returns what the line says; None for chatter. Never raises."""
    if line in _remembered:
        return _remembered[line]
    match = _PREFIX_AND_TEXT.match(line)
    prefix, text = match.groups() if match else ("", line)
    said = _by_rules(prefix, line, text) if prefix in RULES else _without_rule(prefix, line, text)
    if len(line) <= SHORT and prefix not in _VARIES:
        if len(_remembered) >= MOST_REMEMBERED:
            # To keep count of the oldest, as lru_cache does, takes longer than to read some anew.
            _remembered.clear()
        _remembered[line] = said
    return said


def _by_rules(prefix: str, line: str, text: str) -> Readings | Partly | Unreadable:
    """Returns what a line says whose prefix has rules; each of its values stands on its own."""
    readings: Readings = {}
    unreadable: tuple[Unreadable, ...] = ()
    for rule in RULES[prefix]:
        try:
            value = rule.read(text)
        except ValueError as error:
            unreadable += (Unreadable(prefix, line, _why(error)),)
        else:
            if value is not None:
                readings[rule.place] = value
    if not unreadable:
        return readings
    return Partly(readings, unreadable) if readings else unreadable[0]


def is_readable(said: Said | None) -> bool:
    """Whether it was one of our lines, and not garbled."""
    return said is not None and not isinstance(said, Unreadable)


def _without_rule(prefix: str, line: str, text: str) -> Said | None:
    """Returns what a line says whose prefix has no rule; None without a prefix."""
    if not prefix:
        return None
    if prefix in COUNTED:
        return Occurrence(COUNTED[prefix])
    try:
        if prefix == MCU_ID:
            return Named(_mcu_id(text))
        if prefix == ENERGY:
            return EnergyTotal(float(CHECKS["energy_out"](decimal(text))))
    except ValueError as error:
        return Unreadable(prefix, line, _why(error))
    return EnergyFollows()


def _why(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        return error.errors()[0]["msg"].removeprefix("Value error, ")
    return str(error)


def _mcu_id(text: str) -> str:
    match = _MCU_ID.match(text)
    if match is None:
        raise ValueError("no hexadecimal number")
    if len(match[1]) > 8:
        raise ValueError("more than eight hexadecimal digits")
    return MCU_ID_CHECK.validate_python(match[1].upper().zfill(8))
