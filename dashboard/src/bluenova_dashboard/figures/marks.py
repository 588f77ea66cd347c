"""What is marked in the charts: gaps with their causes, errors, breaker and states. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bluenova_dashboard.figures.buckets import in_utc
from bluenova_dashboard.figures.panels import Trace
from bluenova_dashboard.ranges import Clock

Row = Mapping[str, Any]

_MOST = 400  # stretches that are drawn; more cannot be told from each other
_LINES = 40  # errors that get a line through all charts
_LANES = {"errors": 0, "breaker": 1, "system_state": 2}
_STATES = {"CHARGE": "@low", "DISCHARGE": "@high", "IDLE": "@grey"}


def gap_marks(gaps: Sequence[Row], clock: Clock, layout: dict[str, Any]) -> list[Trace]:
    """The gaps, hatched over the whole height behind all charts, the wide ones with their cause."""
    # One point that is not seen: without any, the axis of time would move up to the first chart.
    x: list[str | None] = [clock.drawn(clock.window.begin)]
    y: list[float | None] = [None]
    for gap in gaps:
        first, last = clock.drawn(gap["first"]), clock.drawn(gap["last"])
        x += [first, last, last, first, first, None]
        y += [0, 0, 1, 1, 0, None]
    for gap in gaps:
        if (gap["last"] - gap["first"]) / clock.window.length > 0.012:
            layout["annotations"].append(_cause(gap, clock))
    return [
        {
            "type": "scatter", "mode": "lines", "x": x, "y": y, "yaxis": "y", "name": "gaps",
            "line": {"width": 0}, "fill": "toself", "fillcolor": "@hatch", "hoverinfo": "skip",
            "fillpattern": {"shape": "/", "fgcolor": "@hatch", "bgcolor": "@paper", "size": 7},
        }
    ]  # fmt: skip


def _cause(gap: Row, clock: Clock) -> dict[str, Any]:
    middle = gap["first"] + (gap["last"] - gap["first"]) / 2
    return {
        "text": f"<b>gap: {gap['cause']}</b>", "x": clock.drawn(middle), "xref": "x", "y": 0.98,
        "yref": "paper", "yanchor": "top", "showarrow": False, "textangle": -90,
        "bgcolor": "@paper", "font": {"size": 12}, "borderpad": 2,
    }  # fmt: skip


def is_plain(name: str, value: str | None) -> bool:
    """Whether it is what a healthy battery says: no error, and a breaker that is closed."""
    if value is None:
        return True
    return (name == "errors" and not value.strip()) or (name == "breaker" and value == "CLOSED")


def state_lanes(
    changes: Sequence[Row], clock: Clock, axis: str, layout: dict[str, Any]
) -> list[Trace]:
    """Each stretch as a bar in its lane, and a line through all charts where an error begins."""
    lanes: dict[tuple[str, str], list[tuple[datetime, datetime]]] = {}
    begin, end = in_utc(clock.window.begin), in_utc(clock.window.end)
    for change in changes:
        name, value = change["name"], change["value"]
        if name not in _LANES or value is None or (name == "errors" and is_plain(name, value)):
            continue
        first = max(change["began"], begin)
        last = min(change["ended"] or change["last_seen"], end)
        lanes.setdefault((name, value), []).append((first, max(first, last)))
        if not is_plain(name, value) and name != "system_state" and change["began"] >= begin:
            _line(change, clock, layout)
    return [
        _lane(name, value, stretches[-_MOST:], clock, axis)
        for (name, value), stretches in lanes.items()
    ]


def _lane(
    name: str, value: str, stretches: list[tuple[datetime, datetime]], clock: Clock, axis: str
) -> Trace:
    if name == "system_state":
        colour = _STATES.get(value.upper(), "@line")
    else:
        colour = "@grey" if is_plain(name, value) else "@alarm"
    x: list[str | None] = []
    y: list[int | None] = []
    for first, last in stretches:
        x += [clock.drawn(first), clock.drawn(last), None]
        y += [_LANES[name], _LANES[name], None]
    return {
        "type": "scatter", "mode": "lines+markers" if colour == "@alarm" else "lines",
        "x": x, "y": y, "yaxis": axis, "name": f"{name} {value}", "hoverinfo": "skip",
        "line": {"color": colour, "width": 9}, "marker": {"color": colour, "size": 9},
    }  # fmt: skip


def _line(change: Row, clock: Clock, layout: dict[str, Any]) -> None:
    if len(layout["shapes"]) < _LINES:
        at = clock.drawn(change["began"])
        layout["shapes"].append(
            {
                "type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1,
                "line": {"color": "@alarm", "width": 1, "dash": "dot"},
            }
        )  # fmt: skip
