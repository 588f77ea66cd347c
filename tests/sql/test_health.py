"""Health: figures that can be told, and nulls if what they need is not met."""

from datetime import timedelta
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
from tests.support.harness import query
from tests.support.questions import BATTERY, NOON, Row, ask, cells, fill_hours, insert, rows, utc

from bluenova_tools.local import Database

pytestmark = pytest.mark.services

MONTH = (utc(2026, 3, 1), utc(2026, 4, 1))
HOUR = timedelta(hours=1)
FILLED = pytest.mark.parametrize("filled", [True, False], ids=["by the hours", "by the rows"])


def discharge(*, cut: int = 0) -> list[Row]:
    """Full at noon, then ten hours of 9 A, and empty at the end; maybe with rows left out."""
    table = rows(
        3600, i_pack=lambda n: 0.5 if n < 30 else -9.0, v_pack=52.0,
        v_cell_max=lambda n: 3.48 if n < 30 else 3.3,
        v_cell_min=lambda n: 3.4 if n < 30 else 2.95 if n > 3500 else 3.2,
        soc=lambda n: 100 - n // 36,
    )  # fmt: skip
    return table[:1000] + table[1000 + cut :]


@FILLED
def test_a_capacity_is_what_came_out_between_full_and_empty(filled: bool, tables: Database) -> None:
    insert(tables, discharge())
    if filled:
        fill_hours(tables)
    (found,) = ask(tables, "battery_pack_capacity(%s, %s, %s)", BATTERY, *MONTH)
    assert found["full_time"] == NOON + timedelta(seconds=290)
    assert found["empty_time"] == NOON + timedelta(seconds=35010)
    # 10 s at -0.5 A from the last full row, 9 A from the next row to the one before the empty one.
    assert found["capacity_ah"] == pytest.approx((9 * 34710 - 0.5 * 10) / 3600)
    assert found["known"] == pytest.approx(1, abs=0.001)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("DELETE FROM battery_pack WHERE v_cell_max > 3.45", "never full"),
        ("UPDATE battery_pack SET v_cell_min = 3.05 WHERE v_cell_min < 3", "never empty"),
        ("UPDATE battery_pack SET i_pack = -25 WHERE v_cell_min < 3", "empty under load only"),
        ("UPDATE battery_pack SET i_pack = 5 WHERE v_cell_max > 3.45", "still charged"),
        ("DELETE FROM battery_pack WHERE extract(hour FROM insert_time_utc) = 15", "a gap"),
        ("UPDATE battery_pack SET i_pack = NULL WHERE extract(hour FROM insert_time_utc) = 15",
         "no current"),
    ],
    ids=lambda text: text if " " in text and not text.isupper() else None,
)  # fmt: skip
def test_no_capacity_is_told_if_something_is_missing(
    change: str, why: str, tables: Database
) -> None:
    insert(tables, discharge())
    query(tables, change)
    fill_hours(tables)
    assert ask(tables, "battery_pack_capacity(%s, %s, %s)", BATTERY, *MONTH) == [], why
    (cycles,) = ask(tables, "battery_pack_cycles(%s, %s, %s)", BATTERY, *MONTH)
    assert cycles["capacity_ah"] is None
    assert cycles["full_equivalent_cycles"] is None
    assert cycles["capacity_samples"] == 0


@FILLED
def test_cycles_are_charge_by_capacity(filled: bool, tables: Database) -> None:
    insert(tables, discharge())
    if filled:
        fill_hours(tables)
    out = 9 * (3600 - 31) * 10 / 3600
    (measured,) = ask(tables, "battery_pack_cycles(%s, %s, %s)", BATTERY, *MONTH)
    assert measured["charge_out_ah"] == pytest.approx(out)
    assert measured["charge_in_ah"] == pytest.approx(0.5 * 300 / 3600)
    assert measured["capacity_samples"] == 1
    assert measured["full_equivalent_cycles"] == pytest.approx(out / measured["capacity_ah"])
    (given,) = ask(tables, "battery_pack_cycles(%s, %s, %s, 200)", BATTERY, *MONTH)
    assert given["full_equivalent_cycles"] == pytest.approx(out / 200)
    assert given["capacity_samples"] is None
    # From 100 to 90 %, and at most 10 %; the last row stands for nothing yet.
    assert given["at_high_charge"] == timedelta(seconds=11 * 360)
    assert given["at_low_charge"] == timedelta(seconds=10 * 360 - 10)
    assert given["known"] == timedelta(seconds=35990)


@FILLED
def test_the_last_full_charge_is_as_of_a_time(filled: bool, tables: Database) -> None:
    insert(tables, discharge())
    if filled:
        fill_hours(tables)
    call = "battery_pack_last_full(%s, %s)"
    (found,) = ask(tables, call, BATTERY, utc(2026, 3, 12, 12, 4, 50))
    assert found["full_time"] == NOON + timedelta(seconds=290)
    assert found["days_since"] == pytest.approx(2)
    (earlier,) = ask(tables, call, BATTERY, utc(2026, 3, 10, 12, 1))
    assert earlier["full_time"] == NOON + timedelta(seconds=60)
    (never,) = ask(tables, call, BATTERY, utc(2026, 3, 10, 11))
    assert (never["full_time"], never["days_since"]) == (None, None)
    (now,) = ask(tables, "battery_pack_last_full(%s)", BATTERY)
    assert now["full_time"] == found["full_time"]


def spread(database: Database) -> dict[str, tuple[Any, ...]]:
    return {
        row["condition"]: (row["row_count"], row["spread_mean"], row["spread_max"])
        for row in ask(database, "battery_pack_spread(%s, %s, %s)", BATTERY, *MONTH)
    }


@FILLED
def test_a_spread_has_its_condition(filled: bool, tables: Database) -> None:
    def amps(n: int) -> float:
        return -30.0 if n < 20 else 0.3

    def high(n: int) -> float:
        return 3.46 if 110 <= n < 120 else 3.35

    insert(
        tables,
        rows(
            150, i_pack=amps, v_cell_max=high, v_cell_min=lambda n: 3.25 if n < 20 else 3.345
        ),
    )  # fmt: skip
    if filled:
        fill_hours(tables)
    found = spread(tables)
    assert found["load"] == (20, pytest.approx(100), 100)
    assert found["top"] == (10, pytest.approx(115), 115)
    # From ten minutes after the last row under load on, but for those at the top.
    assert found["rest"] == (150 - 20 + 1 - 60 - 10, pytest.approx(5), 5)


def test_a_rest_that_a_gap_or_a_load_interrupts_begins_again(tables: Database) -> None:
    table = rows(300, i_pack=lambda n: 2.5 if n == 100 else 0.1, v_cell_max=3.35, v_cell_min=3.34)
    insert(tables, table[:180] + table[200:])
    fill_hours(tables)
    resting = [n for n in range(300) if 60 <= n < 100 or 160 <= n < 180 or n >= 260]
    assert spread(tables)["rest"] == (len(resting), pytest.approx(10), 10)


def test_without_rows_of_a_kind_a_spread_is_null(tables: Database) -> None:
    assert spread(tables) == dict.fromkeys(("top", "rest", "load"), (0, None, None))


OHMS = [0.002, 0.0021, 0.0019, 0.004, 0.002, 0.0021, 0.0019, 0.002]


def stepping(amps: list[float]) -> list[Row]:
    table = rows(len(amps), i_pack=lambda n: amps[n])
    for row, now in zip(table, amps, strict=True):
        row.update(cells(*(round(3.3 + now * ohm, 3) for ohm in OHMS)))
    return table


@FILLED
def test_a_cells_resistance_is_told_by_steps_of_the_current(filled: bool, tables: Database) -> None:
    amps = [*[-5.0] * 10, *[-35.0] * 10, *[-5.0] * 10, -20.0, *[-45.0] * 9, *[-5.0] * 4]
    insert(tables, stepping(amps))
    if filled:
        fill_hours(tables)
    found = ask(tables, "battery_pack_cell_resistance(%s, %s, %s)", BATTERY, *MONTH)
    assert [row["cell"] for row in found] == list(range(1, 9))
    assert {row["samples"] for row in found} == {4}
    for row, ohm in zip(found, OHMS, strict=True):
        assert row["resistance"] == pytest.approx(ohm / median(OHMS), abs=0.03)
        assert row["median_mohm"] == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize(
    "amps",
    [
        pytest.param([-5.0] * 10 + [-24.0] * 10, id="a step of less than 20 A"),
        pytest.param([-5.0, -8.0] * 5 + [-40.0] * 10, id="restless before"),
        pytest.param([-5.0] * 10 + [-40.0, -45.0] * 5, id="restless after"),
        pytest.param([-2.0 * n for n in range(20)], id="a slope"),
        pytest.param([-5.0] * 10 + [-40.0] + [-5.0] * 10, id="a single row"),
    ],
)
def test_no_resistance_is_told_without_a_clean_step(amps: list[float], tables: Database) -> None:
    insert(tables, stepping(amps))
    fill_hours(tables)
    assert ask(tables, "battery_pack_cell_resistance(%s, %s, %s)", BATTERY, *MONTH) == []


def test_a_step_across_a_gap_is_none(tables: Database) -> None:
    table = stepping([-5.0] * 10 + [-40.0] * 10)
    for row in table[10:]:
        row["insert_time_utc"] += timedelta(minutes=2)
    insert(tables, table)
    fill_hours(tables)
    assert ask(tables, "battery_pack_cell_resistance(%s, %s, %s)", BATTERY, *MONTH) == []


def test_the_year_tells_its_weak_cell_and_its_capacity(year: Database) -> None:
    window = (utc(2025, 1, 1), utc(2025, 1, 21))
    for mcu_id, cells_of_it in ((0x1A2B3C01, 16), (0x1A2B3C02, 8)):
        found = ask(year, "battery_pack_cell_resistance(%s, %s, %s)", mcu_id, *window)
        by_cell = {row["cell"]: row["resistance"] for row in found}
        assert len(by_cell) == cells_of_it
        assert max(by_cell, key=lambda cell: by_cell[cell]) == 5
        assert 1.4 < by_cell[5] < 1.9
        assert found[0]["samples"] > 40
    capacities = ask(year, "battery_pack_capacity(%s, %s, %s)", 0x1A2B3C02, *window)
    assert capacities
    for one in capacities:
        assert 92 < one["capacity_ah"] < 100  # of 100, down to the weak cell's 3 V
    times = [one["empty_time"] for one in capacities]
    assert all(newer > older for newer, older in pairwise(times))


@pytest.mark.parametrize(
    "call",
    ["battery_pack_capacity", "battery_pack_cycles", "battery_pack_spread",
     "battery_pack_cell_resistance"],
)  # fmt: skip
def test_of_a_reversed_window_or_an_unknown_battery_nothing_is_told(
    call: str, tables: Database
) -> None:
    insert(tables, discharge())
    fill_hours(tables)
    for arguments in ((BATTERY, MONTH[1], MONTH[0]), (5, *MONTH), (None, *MONTH)):
        for row in ask(tables, f"{call}(%s, %s, %s)", *arguments):
            row.pop("condition", None)
            assert not any(row.values()), arguments
