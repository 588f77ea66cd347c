"""The cells' spread: when it rings, and which cells are meant."""

from datetime import UTC, datetime

import pytest

from bluenova_collector.spread import SpreadAlarm
from bluenova_shared.snapshot import Snapshot

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def spread(volts: float | None, mcu_id: str = "1A2B3C4D") -> Snapshot:
    highest = None if volts is None else 3.2 + volts
    return Snapshot(time=NOW, mcu_id=mcu_id, v_cell_min=3.2, v_cell_max=highest)


@pytest.mark.parametrize(
    ("spreads", "alarms"),
    [
        pytest.param([0.0, 0.099, 0.1], [False, False, True], id="rings at the threshold"),
        pytest.param([0.1, 0.09, 0.1, 0.08], [True] * 4, id="keeps ringing near it"),
        pytest.param([0.1, 0.079, 0.09], [True, False, False], id="ends well below it"),
        pytest.param([0.2, None, 0.09], [True, None, True], id="what is unknown ends nothing"),
        pytest.param([None, 0.05], [None, False], id="what is unknown begins nothing"),
    ],
)
def test_the_alarm(spreads: list[float | None], alarms: list[bool | None]) -> None:
    alarm = SpreadAlarm(0.1)
    assert [alarm.judge(spread(volts)) for volts in spreads] == alarms


def test_each_battery_has_its_own() -> None:
    alarm = SpreadAlarm(0.1)
    assert alarm.judge(spread(0.2, "1A2B3C4D"))
    assert not alarm.judge(spread(0.09, "0BADCAFE"))
    assert alarm.judge(spread(0.09, "1A2B3C4D"))


@pytest.mark.parametrize(
    ("volts", "count", "lowest", "highest"),
    [
        pytest.param([3.30, 3.28, 3.35, 3.31], 4, 2, 3, id="numbers begin at 1"),
        pytest.param([3.30, 3.30, 3.31, 3.31], None, 1, 3, id="the first of several"),
        pytest.param([3.30, None, 3.31, 3.32], 4, None, None, id="a cell known to miss"),
        pytest.param([3.30, None, 3.31, 3.32], None, 1, 4, id="an unknown number of cells"),
        pytest.param([], 16, None, None, id="nothing heard"),
        pytest.param([], None, None, None, id="nothing known"),
    ],
)
def test_which_cell_is_lowest_and_highest(
    volts: list[float | None], count: int | None, lowest: int | None, highest: int | None
) -> None:
    cells = tuple(volts) + (None,) * (16 - len(volts))
    snapshot = Snapshot(time=NOW, mcu_id="1A2B3C4D", cell_count=count, cell_v=cells)
    assert (snapshot.cell_lowest, snapshot.cell_highest) == (lowest, highest)
