"""Charts above each other on one time axis: pure.

A colour is a name that begins with `@`; the page puts in what its style sheet has for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Trace = dict[str, Any]

GAP = 34  # pixels between two charts: a title, and air
TOP, BOTTOM, LEFT, RIGHT = 30, 46, 56, 56


@dataclass(frozen=True)
class Panel:
    """One chart: its title, its height in pixels, and the range of its values, maybe of two."""

    name: str
    title: str
    height: int
    left: dict[str, Any]
    right: dict[str, Any] | None = None


def wide(values: Iterable[float | None], least: float) -> list[float]:
    """The range of an axis: just what the values need, but not less than so much.

    Never from zero, and never all that may be: else an imbalance would not be seen.
    """
    known = [value for value in values if value is not None]
    if not known:
        return [0, least]
    low, high = min(known), max(known)
    margin = max((least - (high - low)) / 2, 0.06 * (high - low))
    return [round(low - margin, 4), round(high + margin, 4)]


def stack(
    panels: list[Panel], x_range: tuple[str, str], ticks: tuple[list[str], list[str]]
) -> tuple[dict[str, Any], dict[str, tuple[str, str]]]:
    """The layout of all panels, and each one's axes by its name: left, and right.

    The axis `y` lies behind all of them, from 0 to 1.
    """
    inner = sum(panel.height for panel in panels) + GAP * (len(panels) - 1)
    layout: dict[str, Any] = {
        "height": inner + TOP + BOTTOM,
        "margin": {"l": LEFT, "r": RIGHT, "t": TOP, "b": BOTTOM},
        "showlegend": False,
        "hovermode": False,
        "dragmode": "zoom",
        "bargap": 0,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "@text", "family": "system-ui, sans-serif", "size": 12},
        "xaxis": {
            "type": "date",
            "range": list(x_range),
            "tickvals": ticks[0],
            "ticktext": ticks[1],
            "gridcolor": "@grid",
            "zeroline": False,
            "anchor": "y",
        },
        "yaxis": {"domain": [0, 1], "range": [0, 1], "visible": False, "fixedrange": True},
        "annotations": [],
        "shapes": [],
    }
    axes: dict[str, tuple[str, str]] = {}
    top = float(inner)
    number = 2
    for panel in panels:
        domain = [max((top - panel.height) / inner, 0), top / inner]
        base = {
            "fixedrange": True,
            "tickmode": "auto",
            "nticks": 6,
            "ticks": "",
            "zeroline": False,
            "gridcolor": "@grid",
            "anchor": "x",
        }
        names = (f"y{number}", f"y{number + 1}")
        # The right one first: what is drawn on the left lies above it.
        if panel.right is not None:
            layout[f"yaxis{number}"] = {**base, "domain": domain, "side": "right", **panel.right}
            layout[f"yaxis{number}"]["showgrid"] = False
            layout[f"yaxis{number + 1}"] = {
                **base, "overlaying": names[0], "side": "left", **panel.left,
            }  # fmt: skip
            axes[panel.name] = (names[1], names[0])
        else:
            layout[f"yaxis{number}"] = {**base, "domain": domain, "side": "left", **panel.left}
            axes[panel.name] = (names[0], names[0])
        layout["annotations"].append(_title(panel.title, domain[1]))
        number += 2
        top -= panel.height + GAP
    return layout, axes


def _title(text: str, top: float) -> dict[str, Any]:
    return {
        "text": text, "x": 0, "y": top, "xref": "paper", "yref": "paper", "xanchor": "left",
        "yanchor": "bottom", "showarrow": False, "align": "left", "font": {"size": 13},
    }  # fmt: skip


def coloured(text: str, colour: str) -> str:
    """Words of a title in a colour of the chart."""
    return f'<span style="color:{colour}">{text}</span>'


def line(x: list[str], y: list[Any], axis: str, colour: str, **more: Any) -> Trace:
    """A line that ends at what is not known."""
    return {
        "type": "scatter", "mode": "lines", "x": x, "y": y, "yaxis": axis, "hoverinfo": "skip",
        "line": {"color": colour, "width": more.pop("width", 1.6), **more.pop("line", {})},
        **more,
    }  # fmt: skip


def band(x: list[str], low: list[Any], high: list[Any], axis: str, colour: str) -> list[Trace]:
    """The area between two lines, each stretch by itself, so that it ends at what is unknown."""
    traces: list[Trace] = []
    for begin, end in _stretches(low, high):
        traces.append(
            {
                "type": "scatter", "mode": "lines", "yaxis": axis, "hoverinfo": "skip",
                "x": x[begin:end] + x[begin:end][::-1],
                "y": high[begin:end] + low[begin:end][::-1],
                "fill": "toself", "fillcolor": colour, "line": {"width": 0.5, "color": colour},
            }
        )  # fmt: skip
    return traces


def _stretches(low: list[Any], high: list[Any]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    begin: int | None = None
    for n, pair in enumerate(zip(low, high, strict=True)):
        if None in pair:
            if begin is not None:
                found.append((begin, n))
            begin = None
        elif begin is None:
            begin = n
    if begin is not None:
        found.append((begin, len(low)))
    return found
