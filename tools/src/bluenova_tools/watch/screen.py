"""The live view as pure functions: from a board to what rich draws, or to plain lines."""

import math
from collections.abc import Sequence
from typing import Literal

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bluenova_shared.snapshot import Snapshot
from bluenova_tools.watch.board import Battery, Board
from bluenova_tools.watch.cellbars import cell_line, cell_row, cells_of, spread_line

COMPACT_HEIGHT = 7
TALL_WIDTH = 55


def render(board: Board, now_s: float, width: int, height: int) -> RenderableType:
    """Everything, as detailed as the terminal's size allows."""
    batteries = sorted(board.batteries.values(), key=lambda battery: battery.mcu)
    parts: list[RenderableType] = [_header(board)]
    side_by_side = max(min(width // TALL_WIDTH, len(batteries)), 1)
    rows = math.ceil(len(batteries) / side_by_side)
    tallest = max((len(cells_of(battery)) for battery in batteries), default=0) + 6
    if not batteries:
        parts.append(Text("\n  Waiting for a first battery …", style="dim"))
    elif rows * tallest + 2 <= height and width >= TALL_WIDTH:
        panel_width = width // side_by_side
        panels = [_panel(battery, now_s, panel_width, tall=True) for battery in batteries]
        parts.append(Columns(panels, width=panel_width, padding=0, expand=False))
    elif len(batteries) * COMPACT_HEIGHT + 2 <= height:
        parts.extend(_panel(battery, now_s, width, tall=False) for battery in batteries)
    else:
        shown = max(height - 4, 1)
        parts.append(_list(batteries[:shown], now_s))
        if len(batteries) > shown:
            parts.append(Text(f"  … and {len(batteries) - shown} more", style="dim"))
    return Group(*parts)


def plain_line(snapshot: Snapshot) -> str:
    """A snapshot in one line without any colour."""
    volts = [volt for volt in snapshot.cell_v if volt is not None]
    parts = [
        f"{snapshot.time:%H:%M:%S}",
        snapshot.mcu_id,
        f"{_number(snapshot.soc, 'd', ' %'):>5}",
        f"{_number(snapshot.v_pack, '.3f', ' V'):>8}",
        f"{_number(snapshot.i_pack, '+.2f', ' A'):>9}",
        f"{_number(snapshot.power, '+z.0f', ' W'):>7}",
        f"{_number(snapshot.temp, 'd', ' °C'):>6}",
    ]
    if volts:
        spread_mv = 1000 * (max(volts) - min(volts))
        parts.append(f"cells {min(volts):.3f} to {max(volts):.3f} V ({spread_mv:.0f} mV)")
    parts.append(_safe(snapshot.system_state or "–"))
    if snapshot.errors:
        parts.append(f"ERRORS: {_safe(snapshot.errors)}")
    return "  ".join(parts)


def age_text(battery: Battery, now_s: float) -> Text:
    """How old the last snapshot is: yellow when one is overdue, red when several are."""
    age_s = battery.age_s(now_s)
    if age_s is None:
        return Text("no snapshot yet", style="yellow")
    late, silent = 2 * battery.interval_s + 2, 5 * battery.interval_s + 5
    style = "bold red" if age_s > silent else "yellow" if age_s > late else "green"
    if age_s < 120:
        return Text(f"{age_s:.0f} s ago", style=style)
    return Text(f"{age_s / 60:.0f} min ago" if age_s < 7200 else f"{age_s / 3600:.0f} h ago", style)


def _header(board: Board) -> Text:
    text = Text(" BlueNova", style="bold blue", no_wrap=True, overflow="ellipsis")
    plural = "" if board.snapshots == 1 else "s"
    text.append(f"  {board.snapshots} snapshot{plural}", style="default not bold")
    if states := list(board.collectors.values()):
        online = states.count("online")
        style = "green" if online == len(states) else "yellow"
        text.append(f"  collectors {online} of {len(states)} online", style=f"{style} not bold")
    if board.unreadable:
        text.append(f"  {board.unreadable} unreadable", style="bold red")
    if board.about:
        text.append(f"  {board.about}", style="default not bold")
    if board.note:
        text.append(f"  {board.note}", style="yellow not bold")
    return text


def _title(battery: Battery) -> Text:
    colours = {"online": "green", "offline": "red"}
    colour = colours.get(battery.availability or "", "yellow")
    return Text.assemble(
        (battery.mcu, "bold"), ("  ● ", colour), (battery.availability or "unknown", colour)
    )


def _panel(battery: Battery, now_s: float, width: int, *, tall: bool) -> Panel:
    cells, inner = cells_of(battery), width - 4
    lines = [_first_line(battery, inner), _state_line(battery)]
    if tall:
        temperatures = battery.known.get("cell_t", ())
        lines.append(_totals_line(battery))
        lines += [cell_line(cells, temperatures, index, inner) for index in range(len(cells))]
        lines.append(spread_line(cells))
    else:
        half = math.ceil(len(cells) / 2)
        lines += [cell_row(cells, 0, half), cell_row(cells, half, len(cells))]
        lines.append(spread_line(cells).append("  ").append_text(_totals_line(battery)))
    return Panel(
        Group(*lines),
        title=_title(battery),
        title_align="left",
        subtitle=age_text(battery, now_s),
        subtitle_align="right",
        width=width,
        padding=(0, 1),
        border_style="red" if battery.known.get("errors") else "blue",
    )


def _list(batteries: Sequence[Battery], now_s: float) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for heading in ("battery", "SOC", "V", "A", "°C", "spread", "state", "last"):
        justify: Literal["left", "right"] = "left" if heading in ("battery", "state") else "right"
        table.add_column(heading, justify=justify, no_wrap=True)
    for battery in batteries:
        known = battery.known
        volts = [volt for volt in cells_of(battery) if volt is not None]
        table.add_row(
            _title(battery),
            _number(known.get("soc"), "d", " %"),
            _number(known.get("v_pack"), ".2f"),
            _number(known.get("i_pack"), "+.2f"),
            _number(known.get("temp"), "d"),
            f"{1000 * (max(volts) - min(volts)):.0f} mV" if volts else "–",
            Text(_safe(known.get("errors") or known.get("system_state") or "–")),
            age_text(battery, now_s),
        )
    return table


def _first_line(battery: Battery, inner: int) -> Text:
    known = battery.known
    soc, amps = known.get("soc"), known.get("i_pack")
    volts = known.get("v_pack")
    watts = volts * amps if volts is not None and amps is not None else None
    numbers = "  ".join((
        _number(volts, ".2f", " V"), _number(amps, "+.2f", " A"),
        _number(watts, "+.0f", " W"), _number(known.get("temp"), "d", " °C"),
    ))  # fmt: skip
    text = Text(f"SOC {_number(soc, '3d', ' %')} ", style="bold", no_wrap=True)
    bar = min(max(inner - len(text) - len(numbers) - 2, 0), 30)
    full = round(bar * min(max(soc or 0, 0), 100) / 100)
    colour = "green" if (soc or 0) > 40 else "yellow" if (soc or 0) > 15 else "red"
    text.append("█" * full, style=f"not bold {colour}")
    text.append("░" * (bar - full), style="not bold dim")
    return text.append("  " + numbers, style="not bold")


def _state_line(battery: Battery) -> Text:
    known = battery.known
    errors = known.get("errors")
    text = Text(no_wrap=True, overflow="ellipsis")
    if errors:  # in front, where no narrow window cuts them off
        text.append(f"{_safe(errors)}  ", style="bold red")
    text.append(_safe(known.get("system_state") or "–"), style="bold")
    text.append(f"  {_safe(known.get('charge_state') or '–')}")
    text.append(f"  breaker {_safe(known.get('breaker') or '–')}")
    if not errors:
        text.append("  no errors" if errors == "" else "  errors –", style="dim")
    return text


def _totals_line(battery: Battery) -> Text:
    known = battery.known
    energy_in, energy_out = known.get("energy_in"), known.get("energy_out")
    text = Text(f"health {_number(known.get('health'), '.1f', ' %')}  energy ", no_wrap=True)
    return text.append(f"in {_number(energy_in, '.2f')}  out {_number(energy_out, '.2f')}")


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "–" if value is None else f"{value:{form}}{unit}"


def _safe(text: str) -> str:
    """A text whose control characters are shown, and not sent to the terminal."""
    return "".join(letter if letter.isprintable() else "·" for letter in text)
