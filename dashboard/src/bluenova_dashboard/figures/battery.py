"""The charts of one battery over a range, on one time axis: pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from bluenova_dashboard.figures.buckets import Columns, cell_columns, columns, drawn_gaps, in_utc
from bluenova_dashboard.figures.marks import gap_marks, state_lanes
from bluenova_dashboard.figures.panels import Panel, Trace, band, coloured, line, stack, wide
from bluenova_dashboard.ranges import Clock

Row = Mapping[str, Any]
Figure = dict[str, Any]

SCALE_MV = 30  # of the heat map: always the same, so that two pictures can be compared


def battery_figure(
    series: Sequence[Row],
    cell_series: Sequence[Row],
    gaps: Sequence[Row],
    changes: Sequence[Row],
    clock: Clock,
) -> Figure:
    """The figure: deviations, cells, their band, voltage, charge, temperature, and states.

    `meta` has what the crosshair reads: the buckets' times, drawn and as people read them, and the
    values by name.
    """
    pack = columns(series, gaps)
    cells, by_cell = cell_columns(cell_series, gaps)
    low, high = _outer(cells, by_cell)
    panels = [
        _heat_panel(cells, low, high),
        _cells_panel(cells, by_cell, pack, low, high),
        Panel(
            "band", "Lowest and highest cell, V", 110,
            {"range": wide(pack["v_cell_min_min"] + pack["v_cell_max_max"], 0.02)},
        ),
        Panel(
            "v_pack", "Pack voltage, V", 110,
            {"range": wide(pack["v_pack_min"] + pack["v_pack_max"], 0.4)},
        ),
        Panel(
            "soc", "State of charge, %", 110, {"range": wide(pack["soc_min"] + pack["soc_max"], 6)}
        ),
        Panel(
            "temp",
            f"{coloured('Temperature, °C', '@warm')}; {coloured('current, A', '@amps')} (right)",
            120,
            {"range": wide(pack["temp_min"] + pack["temp_max"], 6)},
            {"range": wide([*pack["i_pack_min"], *pack["i_pack_max"], 0], 4)},
        ),
        Panel(
            "states", "Errors, breaker and state", 66,
            {"range": [2.6, -0.6], "tickmode": "array", "tickvals": [0, 1, 2], "showgrid": False,
             "ticktext": ["errors", "breaker", "state"], "ticklabelstandoff": 2},
        ),
    ]  # fmt: skip
    window = clock.window
    layout, axes = stack(
        panels, (clock.drawn(window.begin), clock.drawn(window.end)), clock.ticks()
    )
    x, cell_x = list(map(clock.drawn, pack.middles)), list(map(clock.drawn, by_cell.middles))
    traces = [
        *gap_marks(drawn_gaps(gaps, clock), clock, layout),
        *_pack_traces(x, pack, axes),
        *_cell_traces(cell_x, cells, by_cell, axes["cells"][0], (low, high)),
        *_heat_map(cell_x, cells, by_cell, axes["heat"][0]),
        *state_lanes(changes, clock, axes["states"][0], layout),
    ]
    return {"data": traces, "layout": layout, "meta": _meta(pack, cells, by_cell, clock)}


def _outer(cells: list[int], by_cell: Columns) -> tuple[int | None, int | None]:
    """The cells that stood lowest and highest within the range: those that the sentences name."""
    lows, highs = dict[int, float](), dict[int, float]()
    for cell in cells:
        known = [v for v in by_cell[f"dev_mean {cell}"] if v is not None]
        if known:
            lows[cell], highs[cell] = min(known), max(known)
    if len(lows) < 2:
        return None, None
    low = min(lows, key=lows.__getitem__)
    del highs[low]  # a cell has one colour
    return low, max(highs, key=highs.__getitem__)


def _heat_panel(cells: list[int], low: int | None, high: int | None) -> Panel:
    names = []
    for cell in cells:
        name = f"{cell:02d}"
        if cell == low:
            name = coloured(f"<b>{name}</b>", "@low-text")
        elif cell == high:
            name = coloured(f"<b>{name}</b>", "@high-text")
        names.append(name)
    return Panel(
        "heat",
        "Each cell less the pack's median: "
        f"{coloured('<b>low</b>', '@low-text')} … {coloured('<b>high</b>', '@high-text')}",
        max(16 * len(cells), 60),
        {
            "range": [len(cells) + 0.5, 0.5],
            "tickmode": "array", "tickvals": list(range(1, len(cells) + 1)),
            "ticktext": names, "showgrid": False, "title": {"text": "cell", "standoff": 4},
        },
    )  # fmt: skip


def _cells_panel(
    cells: list[int], by_cell: Columns, pack: Columns, low: int | None, high: int | None
) -> Panel:
    title = "Cells, V"
    if low is not None and high is not None:
        title += (
            f": {coloured(f'<b>{low:02d} lowest</b>', '@low-text')}, "
            f"{coloured(f'<b>{high:02d} highest</b>', '@high-text')}"
        )
    volts = [v for cell in cells for v in by_cell[f"v_mean {cell}"]]
    return Panel(
        "cells",
        f"{title}; {coloured('current, A', '@amps')} (right)",
        230,
        {"range": wide(volts, 0.03)},
        {"range": wide([*pack["i_pack_mean"], 0], 4)},
    )


def _heat_map(x: list[str], cells: list[int], by_cell: Columns, axis: str) -> list[Trace]:
    if not cells:
        return []
    return [
        {
            "type": "heatmap", "x": x, "y": list(range(1, len(cells) + 1)), "yaxis": axis,
            "z": [by_cell[f"dev_mean {cell}"] for cell in cells],
            "zmin": -SCALE_MV, "zmax": SCALE_MV, "zauto": False, "hoverinfo": "skip",
            "colorscale": [[0, "@low"], [0.5, "@middle"], [1, "@high"]], "ygap": 1,
            "colorbar": {
                "thickness": 10, "len": max(16 * len(cells), 60), "lenmode": "pixels", "y": 1,
                "yanchor": "top", "ypad": 0, "xpad": 6, "outlinewidth": 0, "tickvals": [-30, 0, 30],
                "ticktext": ["−30 mV", "0", "+30 mV"], "tickfont": {"size": 10},
            },
        }
    ]  # fmt: skip


def _cell_traces(
    x: list[str], cells: list[int], by_cell: Columns, axis: str, outer: tuple[int | None, ...]
) -> list[Trace]:
    colours = dict(zip(outer, ("@low", "@high"), strict=True))
    # The coloured ones last, so that they lie above the others.
    return [
        line(x, by_cell[f"v_mean {cell}"], axis, colours.get(cell, "@grey"),
             width=2.2 if cell in colours else 1, name=f"cell {cell:02d}")
        for cell in sorted(cells, key=lambda cell: cell in colours)
    ]  # fmt: skip


def _pack_traces(x: list[str], pack: Columns, axes: dict[str, tuple[str, str]]) -> list[Trace]:
    volts, soc, (temp, amps) = axes["v_pack"][0], axes["soc"][0], axes["temp"]
    band_axis = axes["band"][0]
    amperes = pack["i_pack_mean"]
    # From zero, stretch by stretch: Plotly's own filling to zero would run on through gaps.
    zero = [None if value is None else 0 for value in amperes]
    return [
        *band(x, zero, amperes, axes["cells"][1], "@amps-area"),
        line(x, amperes, axes["cells"][1], "@amps", width=0.6, name="current"),
        *band(x, pack["v_cell_min_min"], pack["v_cell_max_max"], band_axis, "@band"),
        line(x, pack["v_cell_min_mean"], band_axis, "@low", name="lowest cell"),
        line(x, pack["v_cell_max_mean"], band_axis, "@high", name="highest cell"),
        *band(x, pack["v_pack_min"], pack["v_pack_max"], volts, "@band"),
        line(x, pack["v_pack_mean"], volts, "@line", name="pack voltage"),
        *band(x, pack["soc_min"], pack["soc_max"], soc, "@band"),
        line(x, pack["soc_mean"], soc, "@line", name="charge"),
        *band(x, zero, amperes, amps, "@amps-area"),
        line(x, amperes, amps, "@amps", width=0.8, name="current"),
        line(x, pack["temp_mean"], temp, "@warm", name="temperature"),
    ]


def _meta(pack: Columns, cells: list[int], by_cell: Columns, clock: Clock) -> dict[str, Any]:
    read = {
        "Charge": ("soc_mean", "%", 0), "Pack": ("v_pack_mean", "V", 2),
        "Current": ("i_pack_mean", "A", 1), "Power": ("power_mean", "W", 0),
        "Temperature": ("temp_mean", "°C", 0), "Lowest cell": ("v_cell_min_min", "V", 3),
        "Highest cell": ("v_cell_max_max", "V", 3),
    }  # fmt: skip
    return {
        "offset_s": clock.offset.total_seconds(),
        "begin": clock.drawn(in_utc(clock.window.begin)),
        "times": list(map(clock.drawn, pack.middles)),
        "labels": list(map(clock.label, pack.middles)),
        "read": [
            {"name": name, "unit": unit, "decimals": decimals, "values": pack[column]}
            for name, (column, unit, decimals) in read.items()
        ],
        "cell_times": list(map(clock.drawn, by_cell.middles)),
        "cells": cells,
        "deviations": [by_cell[f"dev_mean {cell}"] for cell in cells],
    }
