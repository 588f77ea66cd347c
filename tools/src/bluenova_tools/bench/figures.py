"""What was measured: medians and ratios, as a table for people and as JSON. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

HEAD = ("", "ours", "beside it", "ratio", "")


@dataclass(frozen=True)
class Figure:
    """One quantity of ours, and the bare loop or limit `beside` it, each in `unit`.

    `ours` has a value for each round. `beside` has one for each round, too, measured in turn with
    ours, or a single one that holds for all; `what` says what it is.
    """

    part: str
    name: str
    unit: str
    ours: Sequence[float]
    beside: Sequence[float] = ()
    what: str = ""

    @property
    def median(self) -> float:
        """The median of ours."""
        return median(self.ours)

    @property
    def median_beside(self) -> float | None:
        """The median of what stands beside it."""
        return median(self.beside) if self.beside else None

    @property
    def ratio(self) -> float | None:
        """The median of the rounds' ratios: what slowed both down in a round does not count."""
        if not self.beside:
            return None
        beside = list(self.beside) * len(self.ours) if len(self.beside) == 1 else self.beside
        pairs = zip(self.ours, beside, strict=True)
        ratios = [ours / other for ours, other in pairs if other]
        return median(ratios) if ratios else None


def table(figures: Sequence[Figure]) -> str:
    """A line for each figure, in columns as wide as they need be."""
    rows = [HEAD, *map(_row, figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    name, *numbers, what = row
    cells = [name.ljust(widths[0])]
    cells += [cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=False)]
    return "  ".join([*cells, what]).rstrip()


def _row(figure: Figure) -> tuple[str, ...]:
    beside, ratio = figure.median_beside, figure.ratio
    return (
        figure.name,
        f"{number(figure.median)} {figure.unit}",
        "" if beside is None else f"{number(beside)} {figure.unit}",
        "" if ratio is None else number(ratio),
        figure.what,
    )


def number(value: float) -> str:
    """Three digits that count, thousands apart."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def to_json(figures: Sequence[Figure]) -> str:
    """The same as JSON: an array of objects, each with the values of its rounds."""
    return json.dumps(
        [
            {
                "part": figure.part,
                "name": figure.name,
                "unit": figure.unit,
                "ours": figure.median,
                "beside": figure.median_beside,
                "what": figure.what,
                "ratio": figure.ratio,
                "rounds_ours": list(figure.ours),
                "rounds_beside": list(figure.beside),
            }
            for figure in figures
        ],
        indent=1,
    )
