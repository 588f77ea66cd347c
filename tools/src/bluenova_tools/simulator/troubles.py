"""The troubles that a real battery makes, each a named switch with a rate.

Pure: chance comes from the generator passed in. Three kinds: what is wrong with a line,
what happens to it on its way, and how a connection is received.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random

from bluenova_tools.simulator.acts import Act, Cut, Drop, Fragments, Stall, Vanish
from bluenova_tools.simulator.behaviour import Behaviour
from bluenova_tools.simulator.console import ConsoleLine


@dataclass(frozen=True)
class Trouble:
    """A trouble's usual rate, from 0 to 1, and what that rate counts."""

    rate: float
    of: str
    meaning: str


TROUBLES: Mapping[str, Trouble] = {
    "garbage": Trouble(0.05, "lines", "random characters in between"),
    "long-line": Trouble(0.005, "lines", "a line of 5 to 60 KB in between"),
    "huge-line": Trouble(0.001, "lines", "a line of 100 to 200 KB in between"),
    "bad-utf8": Trouble(0.02, "lines", "a line that is no UTF-8 in between"),
    "counters": Trouble(0.03, "lines", "BAD CRC, parse FAIL and REJECT BAD lines in between"),
    "empty-number": Trouble(0.02, "lines", "the number is missing"),
    "decimal-comma": Trouble(0.02, "lines", "a decimal comma or a thousands mark"),
    "out-of-range": Trouble(0.02, "lines", "a number that fits no column, nan, inf"),
    "negative-temperature": Trouble(0.3, "lines with a temperature", "below 0 °C"),
    "error-text": Trouble(0.5, "Errors lines", "texts with apostrophes, umlauts, great length"),
    "line-ends": Trouble(0.2, "lines", "CR, LF or NUL at the end"),
    "bundle": Trouble(0.1, "messages", "several lines in one message"),
    "binary": Trouble(0.1, "messages", "a binary frame"),
    "fragments": Trouble(0.1, "messages", "one message in several frames"),
    "cut": Trouble(0.002, "messages", "half a message, then the connection drops"),
    "drop": Trouble(0.002, "messages", "the connection drops"),
    "stall": Trouble(0.001, "messages", "90 s of silence, pings are answered"),
    "vanish": Trouble(0.0005, "messages", "silence for good, pings are not answered"),
    "refuse": Trouble(0.2, "connections", "dropped, and the next 5 s refused"),
    "404": Trouble(0.2, "connections", "HTTP 404 instead of the upgrade"),
    "never-answer": Trouble(0.1, "connections", "TCP is accepted, the upgrade never answered"),
    "half-open": Trouble(0.1, "connections", "the upgrade is answered, then nothing ever again"),
    "flap": Trouble(0.2, "connections", "accepted and closed at once"),
    "silent": Trouble(0.1, "connections", "accepted, no line, pings are answered"),
}

_RECEPTION = {
    "refuse": Behaviour.REFUSE,
    "404": Behaviour.NOT_FOUND,
    "never-answer": Behaviour.NEVER_ANSWER,
    "half-open": Behaviour.HALF_OPEN,
    "flap": Behaviour.FLAP,
    "silent": Behaviour.SILENT,
}

STALL_S = 90.0
LINE_ENDS = ("\r\n", "\n", "\r", "\0", "\r\n\0")
ERROR_TEXTS = (
    "OVER TEMP",
    "CELL 7 ISN'T OK",
    "'; DROP TABLE battery_pack; --",
    "ÜBERSPANNUNG Zelle 3 °C",
    "A TEXT THAT IS LONGER THAN THE COLUMN'S THIRTY-TWO CHARACTERS",
)
_NUMBER = re.compile(r"(?<=[:=] )-?\d+(\.\d+)?|(?<=\(i=)\d+")
_TEMPERATURE = re.compile(r"\b(Temp: |T: )-?\d+")


def parse_trouble(text: str) -> tuple[str, float]:
    """Read ``NAME`` or ``NAME=rate``.

    Raises:
        ValueError: for an unknown name or a rate that is not between 0 and 1.
    """
    name, equals, rate_text = text.partition("=")
    if name not in TROUBLES:
        raise ValueError(f"no trouble is called {name!r}; there are: {', '.join(TROUBLES)}")
    if not equals:
        return name, TROUBLES[name].rate
    try:
        rate = float(rate_text)
    except ValueError:
        rate = -1
    if not 0 <= rate <= 1:
        raise ValueError(f"{text!r}: a rate lies between 0 and 1, for example {name}=0.1")
    return name, rate


class Troubles:
    """The troubles that are switched on, with their rates."""

    def __init__(self, rates: Mapping[str, float], seed: int = 1) -> None:
        self.rates = dict(rates)
        self.random = Random(seed)

    def strikes(self, name: str) -> bool:
        """Say whether this trouble happens now."""
        rate = self.rates.get(name, 0.0)
        return rate > 0 and self.random.random() < rate

    def reception(self) -> Behaviour:
        """Return how the next connection is received."""
        for name, behaviour in _RECEPTION.items():
            if self.strikes(name):
                return behaviour
        return Behaviour.SERVE

    def on_line(self, line: ConsoleLine) -> list[ConsoleLine]:
        """Return what is said instead of a line: itself, damaged, or with others before it."""
        said = [
            ConsoleLine(text(self.random), line.mcu_id)
            for name, text in _IN_BETWEEN.items()
            if self.strikes(name)
        ]
        if self.strikes("counters"):
            column, text_ = self.random.choice(_COUNTED)
            said.append(ConsoleLine(text_, line.mcu_id, ((column, 1),)))
        line = self._colder(line)
        if line.text.startswith("Errors: ") and self.strikes("error-text"):
            error = self.random.choice(ERROR_TEXTS)
            line = replace(line, text=f'Errors: "{error}"', values=(("errors", error[:32]),))
        if line.text.startswith("MCU ID: "):
            # What comes in between counts for the pack that was named last.
            return [line, *said]
        return [*said, self._damaged(line)]

    def _colder(self, line: ConsoleLine) -> ConsoleLine:
        if not _TEMPERATURE.search(line.text) or not self.strikes("negative-temperature"):
            return line
        below_c = -self.random.randint(1, 20)
        values = tuple(
            (column, below_c if column == "temp" or column.endswith("_t") else value)
            for column, value in line.values
        )
        text = _TEMPERATURE.sub(lambda match: f"{match[1]}{below_c}", line.text)
        return replace(line, text=text, values=values)

    def _damaged(self, line: ConsoleLine) -> ConsoleLine:
        # Only lines with a value: without its arming line an energy pair would be no pair.
        if not line.values or not _NUMBER.search(line.text):
            return line
        for name, damage in _DAMAGE.items():
            if self.strikes(name):
                text = _NUMBER.sub(lambda match: damage(match[0], self.random), line.text)  # noqa: B023  # called at once
                return replace(line, text=text, values=())
        return line

    def on_wire(self, text: str, waiting: list[str]) -> list[Act]:
        """Return what is done to send a line; ``waiting`` holds lines for a common message."""
        if self.strikes("line-ends"):
            text += self.random.choice(LINE_ENDS)
        if self.strikes("bundle") and len(waiting) < 4:
            waiting.append(text)
            return []
        text = "\n".join([*(line.rstrip("\r\n\0") for line in waiting), text])
        waiting.clear()
        return [*self._before(text), self._framed(text)]

    def _before(self, text: str) -> list[Act]:
        happenings: tuple[tuple[str, Act], ...] = (
            ("stall", Stall(STALL_S)),
            ("cut", Cut(text)),
            ("drop", Drop(reset=self.random.random() < 0.5)),
            ("vanish", Vanish()),
        )
        return [act for name, act in happenings if self.strikes(name)]

    def _framed(self, text: str) -> Act:
        raw = text.encode("utf-8", "surrogateescape")
        if self.strikes("binary"):
            return raw
        if len(raw) > 1 and self.strikes("fragments"):
            cuts = sorted(self.random.randint(0, len(raw)) for _ in range(2))
            return Fragments((raw[: cuts[0]], raw[cuts[0] : cuts[1]], raw[cuts[1] :]))
        return text


def _garbage(random: Random) -> str:
    codes = (*range(1, 10), *range(14, 127), 0xFC, 0x20AC)
    return "".join(chr(code) for code in random.choices(codes, k=40))


def _long_line(random: Random) -> str:
    return random.choice("xyz") * random.randint(5_000, 60_000)


def _huge_line(random: Random) -> str:
    # A frame of more than 64 KiB may cost a careful reader's connection, so this one is separate.
    return random.choice("xyz") * random.randint(100_000, 200_000)


def _bad_utf8(random: Random) -> str:
    return bytes([0xFF, 0xC3, *random.randbytes(12).replace(b"\n", b""), 0xE2]).decode(
        "utf-8", "surrogateescape"
    )


_IN_BETWEEN: Mapping[str, Callable[[Random], str]] = {
    "garbage": _garbage,
    "long-line": _long_line,
    "huge-line": _huge_line,
    "bad-utf8": _bad_utf8,
}

_COUNTED = (
    ("bad_crc", "INFO: BAD CRC (cell 7)"),
    ("parse_fail", "INFO: cellcomms parse FAIL"),
    ("bad_vcell", "DEBUG: REJECT BAD VCELL 3 (4211)"),
)


def _with_comma(number: str, _random: Random) -> str:
    if "." in number:
        return number.replace(".", ",")
    # 53123 becomes 53,123, and 87 becomes 87,0.
    return f"{number[:-3]},{number[-3:]}" if len(number.lstrip("-")) > 3 else f"{number},0"


def _out_of_range(_number: str, random: Random) -> str:
    return random.choice(("nan", "inf", "-inf", "9" * 50, "-" + "9" * 50))


_DAMAGE: Mapping[str, Callable[[str, Random], str]] = {
    "empty-number": lambda _number, _random: "",
    "decimal-comma": _with_comma,
    "out-of-range": _out_of_range,
}
