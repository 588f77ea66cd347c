"""The figures of energy and health: bars with their values. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
Figure = dict[str, Any]


def _layout(title: str, height: int = 300, **more: Any) -> dict[str, Any]:
    axis = {"gridcolor": "@grid", "zerolinecolor": "@grey", "fixedrange": True, "automargin": True}
    return {
        "height": height, "margin": {"l": 56, "r": 16, "t": 34, "b": 46}, "hovermode": "x",
        "dragmode": False, "barmode": "group", "bargap": 0.25, "showlegend": True,
        "legend": {"orientation": "h", "y": 1.02, "x": 1, "xanchor": "right", "yanchor": "bottom"},
        "title": {"text": title, "x": 0, "xref": "paper", "xanchor": "left", "y": 1,
                  "yref": "paper", "yanchor": "bottom", "pad": {"b": 10}, "font": {"size": 13}},
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "@text", "family": "system-ui, sans-serif", "size": 12},
        "xaxis": {**axis, "type": "category", "showgrid": False}, "yaxis": dict(axis), **more,
    }  # fmt: skip


def energy_figure(rows: Sequence[Row], names: Sequence[str]) -> Figure:
    """Energy in (up) and out (down) by bucket, as the battery counts it; the integral as a mark.

    Without the battery's totals the bars are the integral.
    """

    def bars(told: str, sign: int, colour: str, label: str) -> dict[str, Any]:
        values = [row[f"energy_{told}"] for row in rows]
        return {
            "type": "bar", "name": label, "x": list(names), "marker": {"color": colour},
            "y": [None if v is None else round(sign * v, 3) for v in values],
            "offsetgroup": 1, "hovertemplate": "%{y:.2f}",
        }  # fmt: skip

    def marks(told: str, sign: int, label: str) -> dict[str, Any]:
        values = [row[f"integral_{told}"] for row in rows]
        return {
            "type": "scatter", "mode": "markers", "name": label, "x": list(names),
            "y": [None if v is None else round(sign * v, 3) for v in values],
            "marker": {"symbol": "line-ew", "size": 14, "line": {"width": 2, "color": "@text"}},
            "showlegend": sign > 0, "hovertemplate": "%{y:.2f}",
        }  # fmt: skip

    figure = [
        bars("in", 1, "@low", "in"),
        bars("out", -1, "@high", "out"),
        marks("in", 1, "power over time"),
        marks("out", -1, "power over time, out"),
    ]
    layout = _layout("kWh in (up) and out (down)", barmode="relative", hovermode="x unified")
    return {"data": figure, "layout": layout}


def spread_figure(rows: Sequence[Row], names: Sequence[str]) -> Figure:
    """The cells' spread at the top by month, mean and highest."""
    top = [row for row in rows if row["condition"] == "top"]

    def values(column: str) -> list[Any]:
        return [None if row[column] is None else round(row[column], 1) for row in top]

    highest = max((v for v in values("spread_max") if v is not None), default=0)
    return {
        "data": [
            {"type": "scatter", "mode": "lines+markers", "name": label, "x": list(names),
             "y": values(column), "line": {"color": colour}, "hovertemplate": "%{y:.1f} mV"}
            for column, label, colour in (
                ("spread_mean", "mean", "@line"), ("spread_max", "highest", "@high"))
        ],
        "layout": _layout("Spread of a full battery, mV",
                          yaxis={"range": [0, max(1.1 * highest, 10)], "gridcolor": "@grid",
                                 "zerolinecolor": "@grey", "fixedrange": True}),
    }  # fmt: skip


def resistance_figure(rows: Sequence[Row]) -> Figure:
    """Each cell's resistance less the median cell's, in per cent of it."""
    known = [row for row in rows if row["resistance"] is not None]
    worst = max(known, key=lambda row: row["resistance"], default=None)
    values = [round(100 * (row["resistance"] - 1), 1) for row in known]
    return {
        "data": [
            {
                "type": "bar", "x": [f"{row['cell']:02d}" for row in known], "y": values,
                "marker": {"color": ["@high" if row is worst and value >= 10 else "@grey"
                                     for row, value in zip(known, values, strict=True)]},
                "hovertemplate": "cell %{x}: %{y:+.0f} %<extra></extra>",
            }
        ],
        "layout": _layout("Resistance of each cell against the median cell, %", showlegend=False),
    }  # fmt: skip
