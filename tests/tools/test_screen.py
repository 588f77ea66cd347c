"""The live view, drawn without a terminal."""

from datetime import UTC, datetime

import pytest
from rich.console import Console
from tests.support.factories import pack_snapshot

from bluenova_shared.snapshot import Snapshot
from bluenova_shared.topics import NOBODY
from bluenova_tools.simulator.battery import Pack, PackSettings
from bluenova_tools.watch.board import Battery, Board
from bluenova_tools.watch.cellbars import BLOCKS
from bluenova_tools.watch.screen import age_text, plain_line, render

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def board(*snapshots: Snapshot) -> Board:
    board = Board()
    for one in snapshots:
        board.take(board.topics.snapshot(one.mcu_id), one.to_json().encode(), 100.0)
        board.take(board.topics.availability(one.mcu_id), b"online", 100.0)
    return board


def drawn(board: Board, width: int, height: int, now_s: float = 101.0) -> list[str]:
    console = Console(width=width, height=height, color_system=None, force_terminal=True)
    with console.capture() as capture:
        console.print(render(board, now_s, width, height))
    return capture.get().splitlines()


@pytest.mark.parametrize("batteries", [1, 2, 3, 5, 40])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60), (40, 12)])
def test_it_fits_the_terminal(batteries: int, width: int, height: int) -> None:
    many = [pack_snapshot(f"{number + 1:08X}") for number in range(batteries)]
    lines = drawn(board(*many), width, height)
    assert len(lines) <= height
    assert all(len(line) <= width for line in lines)
    assert "00000001" in "\n".join(lines)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_two_batteries_show_all_that_counts(width: int, height: int) -> None:
    other = pack_snapshot("5E6F7081", errors="OVER TEMP", soc=12)
    text = "\n".join(drawn(board(pack_snapshot(), other), width, height))
    for what in ("1A2B3C4D", "5E6F7081", "online", "87 %", "12 %", "53.12 V", "-12.50 A", "-664 W"):
        assert what in text
    for what in ("22 °C", "OVER TEMP", "no errors", "3.315", "spread 15 mV", "low 01", "high 16"):
        assert what in text
    assert text.count("1 s ago") == 2


def test_the_cells_bars_rise_with_their_voltage() -> None:
    text = "\n".join(drawn(board(pack_snapshot(), pack_snapshot("5E6F7081")), 80, 24))
    bars = [letter for letter in text if letter in BLOCKS[:-1]]
    assert len(set(bars)) > 4
    assert bars[:8] == sorted(bars[:8])


def test_each_cell_has_a_line_of_its_own_from_55_columns_on() -> None:
    texts = ["\n".join(drawn(board(pack_snapshot()), width, 24)) for width in (54, 55)]
    assert ["16 █" in text for text in texts] == [False, True]


def test_the_lowest_and_the_highest_cell_are_marked_and_one_that_is_not_heard_of_is_a_dash() -> (
    None
):
    cells = (3.31, 3.3, None, *[3.31] * 12, 3.32)
    lines = drawn(board(pack_snapshot(cell_v=cells)), 80, 24)
    of_cells = [line for line in lines if line[2:4].isdecimal()]
    assert [" low" in line for line in of_cells] == [number == 1 for number in range(16)]
    assert [" high" in line for line in of_cells] == [number == 15 for number in range(16)]
    assert of_cells[2].strip("│ ") == "03 –"
    assert "03  – " in "\n".join(drawn(board(pack_snapshot(cell_v=cells)), 80, 10))


def test_before_the_first_message_it_says_so() -> None:
    assert any("Waiting for a first battery" in line for line in drawn(Board(), 80, 24))


def test_a_value_that_an_interval_did_not_hold_stays() -> None:
    later = pack_snapshot(after_s=10, soc=None, cell_v=(None,) * 16, i_pack=1.0)
    text = "\n".join(drawn(board(pack_snapshot(), later), 80, 24))
    assert "87 %" in text
    assert "3.315" in text
    assert "+1.00 A" in text


@pytest.mark.parametrize("cell_count", [8, None])
def test_a_battery_with_8_cells_shows_8(cell_count: int | None) -> None:
    cells = (3.3,) * 8 + (None,) * 8
    text = "\n".join(drawn(board(pack_snapshot(cell_count=cell_count, cell_v=cells)), 80, 24))
    assert "08 " in text
    assert "09 " not in text


def test_a_battery_that_said_next_to_nothing_is_drawn() -> None:
    bare = Snapshot(time=NOON, mcu_id="1A2B3C4D")
    assert "1A2B3C4D" in "\n".join(drawn(board(bare), 80, 24))
    assert "1A2B3C4D" in plain_line(bare)


@pytest.mark.parametrize(
    ("age_s", "style", "text"),
    [
        (3, "green", "3 s ago"),
        (23, "yellow", "23 s ago"),
        (60, "bold red", "60 s ago"),
        (600, "bold red", "10 min ago"),
        (9000, "bold red", "2 h ago"),
    ],
)
def test_the_age_turns_yellow_then_red(age_s: float, style: str, text: str) -> None:
    battery = Battery("1A2B3C4D", interval_s=10)
    battery.take(pack_snapshot(), 0.0)
    assert (age_text(battery, age_s).plain, age_text(battery, age_s).style) == (text, style)


def test_the_interval_is_learnt_from_the_snapshots() -> None:
    known = board(pack_snapshot(), pack_snapshot(after_s=2), pack_snapshot(after_s=4))
    assert known.batteries["1A2B3C4D"].interval_s == 2


def test_an_older_snapshot_changes_nothing() -> None:
    known = board(pack_snapshot(after_s=10, soc=50), pack_snapshot(soc=49))
    assert known.batteries["1A2B3C4D"].known["soc"] == 50


def test_collectors_come_and_go() -> None:
    known = Board()
    known.take(known.topics.collector("one"), b"online", 0)
    known.take(known.topics.collector("two"), b"offline", 0)
    assert "collectors 1 of 2 online" in drawn(known, 80, 24)[0]
    known.take(known.topics.collector("two"), b"", 0)
    assert "collectors 1 of 1 online" in drawn(known, 80, 24)[0]


def test_what_cannot_be_read_is_counted_and_shown() -> None:
    known = Board()
    for payload in (b"no json", b"\xff", b'{"schema": 2}'):
        assert known.take(known.topics.snapshot("1A2B3C4D"), payload, 0) is None
    assert known.unreadable == 3
    assert "3 unreadable" in drawn(known, 80, 24)[0]


def test_control_characters_do_not_reach_the_terminal() -> None:
    nasty = pack_snapshot(errors="\x1b[2JX", system_state="\x07[bold]")
    assert "\x1b[2J" not in "\n".join(drawn(board(nasty), 80, 24))
    assert "[bold]" in "\n".join(drawn(board(nasty), 80, 24))
    assert "\x1b" not in plain_line(nasty)
    assert "\x07" not in plain_line(nasty)


def test_a_plain_line_says_it_all() -> None:
    said = " ".join(plain_line(pack_snapshot(errors="OVER TEMP")).split())
    assert said == (
        "12:00:00 1A2B3C4D 87 % 53.120 V -12.50 A -664 W 22 °C "
        "cells 3.300 to 3.315 V (15 mV) DISCHARGE ERRORS: OVER TEMP"
    )


def test_a_simulated_pack_is_drawn_at_any_hour() -> None:
    pack = Pack(PackSettings())
    for hour in range(24):
        pack.advance(3600)
        now = pack.readings
        cells = tuple(mv / 1000 for mv in now.cell_mv)
        one = pack_snapshot(after_s=hour, cell_v=cells, soc=now.soc_percent, i_pack=now.current_a)
        assert len(drawn(board(one), 80, 24)) <= 24


def test_a_check_that_tries_its_rights_is_no_battery() -> None:
    one = board(pack_snapshot())
    one.take(one.topics.snapshot(NOBODY), b"", 100.0)
    one.take(one.topics.collector("check"), b"", 100.0)
    assert (set(one.batteries), one.collectors, one.unreadable) == ({"1A2B3C4D"}, {}, 0)
