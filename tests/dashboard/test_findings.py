"""What stands out, and what the cards say."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bluenova_dashboard.cards import card
from bluenova_dashboard.findings import cell_facts, findings
from bluenova_dashboard.ranges import Window
from bluenova_dashboard.words import number, span

NOON = datetime(2026, 3, 10, 12)  # noqa: DTZ001  # the database's times are UTC and have no zone
WINDOW = Window(NOON.replace(tzinfo=UTC), NOON.replace(tzinfo=UTC) + timedelta(days=1))


def cells(*deviations: float) -> list[dict[str, Any]]:
    return [
        {"cell": n, "bucket_utc": NOON, "dev_mean": mv, "v_min": 3.2, "v_max": 3.3, "t_max": 20}
        for n, mv in enumerate(deviations, 1)
    ]


@pytest.mark.parametrize(
    ("deviations", "said"),
    [
        ((1, -2, 0), "The cells are even"),
        ((0, -40, 5), "Cell 2 stands out: up to 40 mV below"),
        ((0, -5, 25), "Cell 3 stands out: up to 25 mV above"),
    ],
)
def test_the_first_sentence_names_the_cell(deviations: tuple[float, ...], said: str) -> None:
    first, *_ = findings(cell_facts(cells(*deviations)), [], [], WINDOW, UTC)
    assert first.text.startswith(said)


def test_gaps_and_errors_are_told_with_the_time() -> None:
    gap = {"gap_from": NOON, "gap_to": NOON + timedelta(hours=2), "cause": "battery lost"}
    error = {
        "name": "errors", "value": "OVER TEMP", "began": NOON, "duration": timedelta(minutes=3)
    }  # fmt: skip
    told = [one.text for one in findings([], [gap], [error], WINDOW, UTC)]
    assert told[0] == (
        "One gap of 2 h, from Tue 10 Mar 2026 12:00:00 until Tue 10 Mar 2026 14:00:00 "
        "(battery lost)."
    )
    assert "once; the last: OVER TEMP, Tue 10 Mar 2026 12:00:00, for 3 min" in told[1]


def row(**values: Any) -> dict[str, Any]:
    names = (
        "soc v_pack i_pack power temp health spread lowest_cell highest_cell errors system_state"
        " breaker cell_count is_full today_in today_out today_integral_in today_integral_out"
    ).split()
    return {
        **dict.fromkeys(names),
        "mcu_id": 0x1A2B3C4D, "insert_time_utc": NOON, "age": timedelta(seconds=5),
        "interval_s": 10.0, "cell_v": [None] * 16, "cell_t": [None] * 16, **values,
    }  # fmt: skip


def test_a_card_is_stale_after_three_intervals() -> None:
    assert not card(row(age=timedelta(seconds=30)), UTC).is_stale
    assert card(row(age=timedelta(seconds=31)), UTC).is_stale
    assert not card(row(age=timedelta(seconds=31), interval_s=60.0), UTC).is_stale
    assert not card(row(age=timedelta(seconds=90)), UTC, rows_wait_s=60).is_stale
    assert card(row(age=timedelta(seconds=91)), UTC, rows_wait_s=60).is_stale


@pytest.mark.parametrize(
    ("values", "flow", "condition"),
    [
        ({"i_pack": 20.0, "spread": 0.01, "is_full": False}, "charging", "under load"),
        ({"i_pack": -20.0, "spread": 0.01, "is_full": False}, "discharging", "under load"),
        ({"i_pack": 0.0, "spread": 0.01, "is_full": False}, "idle", "without load"),
        ({"i_pack": 0.5, "spread": 0.01, "is_full": True}, "idle", "at the top"),
        ({}, "", ""),
    ],
)
def test_a_card_says_the_direction_and_what_the_spread_is_to_be_judged_by(
    values: dict[str, Any], flow: str, condition: str
) -> None:
    one = card(row(**values), UTC)
    assert (one.flow, one.condition) == (flow, condition)


def test_a_card_has_a_bar_for_each_cell() -> None:
    volts = [3.30, 3.25, 3.31, 3.30] + [None] * 12
    bars = card(row(cell_v=volts, cell_count=4, lowest_cell=2, highest_cell=3), UTC).bars
    assert [(bar.deviation, bar.kind) for bar in bars] == [
        (0, ""),
        (-50, "low"),
        (10, "high"),
        (0, ""),
    ]


def test_numbers_are_written_for_people() -> None:
    assert number(None) == "–"
    assert number(-1823.4, 0, "W") == "−1\u202f823\u00a0W"
    assert number(-0.04, 1, sign=True) == "0.0"
    assert span(7384) == "2 h 3 min"
    assert span(86400 * 2) == "2 d"
    assert span(None) == "–"
