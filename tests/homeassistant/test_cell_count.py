"""How many cells a battery has: said once, or heard of again and again."""

from datetime import UTC, datetime

import pytest

from bluenova_collector.homeassistant.cell_count import CellCount
from bluenova_shared.snapshot import Snapshot

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def snapshot(cell_count: int | None = None, heard: int = 0) -> Snapshot:
    volts = (3.3,) * heard + (None,) * (16 - heard)
    return Snapshot(time=NOW, mcu_id="1A2B3C4D", cell_count=cell_count, cell_v=volts)


@pytest.mark.parametrize(
    ("said", "known"),
    [
        pytest.param([(16, 0)], [16], id="the battery's own word counts at once"),
        pytest.param([(None, 8)] * 3, [None, None, 8], id="what is merely heard must be repeated"),
        pytest.param(
            [(None, 5), (None, 8), (None, 8), (None, 8)], [None, None, None, 8], id="grows"
        ),
        pytest.param([(16, 0), (8, 0), (16, 0)], [16, 16, 16], id="one garbled line is nothing"),
        pytest.param([(16, 0), (8, 0)] * 3 + [(8, 0)], [16] * 7, id="nor are some, apart"),
        pytest.param([(1, 0)], [1], id="a battery may have one cell"),
        pytest.param([(16, 0)] + [(8, 0)] * 3, [16, 16, 16, 8], id="a lasting change counts"),
        pytest.param([(8, 8)] + [(None, 3)] * 4, [8] * 5, id="cells not heard of are still there"),
        pytest.param([(0, 2), (-1, 2), (99, 2)], [None, None, 2], id="impossible numbers are none"),
        pytest.param([(None, 0)] * 3, [None, None, 0], id="a battery need not speak of its cells"),
    ],
)
def test_the_number_of_cells(said: list[tuple[int | None, int]], known: list[int | None]) -> None:
    count = CellCount()
    told = []
    for cell_count, heard in said:
        before = count.cells
        assert count.hear(snapshot(cell_count, heard)) == (count.cells != before)
        told.append(count.cells)
    assert told == known
