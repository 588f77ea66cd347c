"""The cells of a pack as text: small bars whose lowest and highest stand out.

Pure: from voltages to what rich draws. None is a cell that has not been heard of.
"""

from collections.abc import Sequence

from rich.text import Text

from bluenova_tools.watch.board import Battery

BLOCKS = "▁▂▃▄▅▆▇█"
# Cells that are closer together than this are drawn as nearly the same.
LEAST_SPAN_V = 0.020
LOWEST_STYLE = "bold cyan"
HIGHEST_STYLE = "bold magenta"

Cells = Sequence[float | None]


def cells_of(battery: Battery) -> Cells:
    """The cells that the pack has; those behind its cell count are no cells."""
    volts: tuple[float | None, ...] = battery.known.get("cell_v", ())
    count = battery.known.get("cell_count") or 0
    heard = max((number for number, volt in enumerate(volts, 1) if volt is not None), default=0)
    return volts[: max(count, heard)]


def block(volt: float, lowest: float, highest: float) -> str:
    """The small bar of a cell, among cells from lowest to highest."""
    return BLOCKS[round(_share(volt, lowest, highest) * (len(BLOCKS) - 1))]


def cell_row(cells: Cells, begin: int, end: int) -> Text:
    """Some of the cells side by side, each with its small bar."""
    volts = [volt for volt in cells if volt is not None]
    text = Text(no_wrap=True)
    for index in range(begin, end):
        volt = cells[index]
        text.append(f"{index + 1:02}", style="dim")
        if volt is None:
            text.append("  –    ", style="dim")
        else:
            bar = block(volt, min(volts), max(volts))
            text.append(f"{bar}{volt:.3f} ", style=_style(volt, volts))
    return text


def cell_line(cells: Cells, temperatures: Sequence[int | None], index: int, width: int) -> Text:
    """One cell as a line with a long bar."""
    volts = [volt for volt in cells if volt is not None]
    volt, temperature = cells[index], temperatures[index]
    text = Text(f"{index + 1:02} ", style="dim", no_wrap=True)
    if volt is None:
        return text.append("–")
    style = _style(volt, volts)
    mark = {LOWEST_STYLE: " low", HIGHEST_STYLE: " high"}.get(style, "")
    celsius = "  –   " if temperature is None else f"{temperature:3d} °C"
    bar_width = max(width - 30, 5)
    full = 1 + round(_share(volt, min(volts), max(volts)) * (bar_width - 1))
    bar = "█" * full + " " * (bar_width - full)
    return text.append(f"{bar} {volt:.3f} V {celsius}{mark}", style=f"{style} not dim")


def spread_line(cells: Cells) -> Text:
    """The distance between the lowest and the highest cell, and which they are."""
    text = Text(no_wrap=True, overflow="ellipsis")
    volts = [volt for volt in cells if volt is not None]
    if volts:
        lowest, highest = min(volts), max(volts)
        text.append(f"spread {1000 * (highest - lowest):.0f} mV  ", style="bold")
        text.append(f"low {cells.index(lowest) + 1:02} ", style=LOWEST_STYLE)
        text.append(f"high {cells.index(highest) + 1:02}", style=HIGHEST_STYLE)
    return text


def _share(volt: float, lowest: float, highest: float) -> float:
    span = max(highest - lowest, LEAST_SPAN_V)
    middle = (lowest + highest) / 2
    return (volt - middle) / span + 0.5


def _style(volt: float, volts: Sequence[float]) -> str:
    if len(volts) > 1 and volt == min(volts):
        return LOWEST_STYLE
    return HIGHEST_STYLE if len(volts) > 1 and volt == max(volts) else "default"
