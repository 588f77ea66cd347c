"""The names of items: each has its own, and those of one hour stand together."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import TypeAdapter

from bluenova_shared.identity import EARLIEST, LATEST, ItemId
from bluenova_shared.wire import new_id

HOUR = datetime(2026, 11, 23, 12, tzinfo=UTC)
ITEM_ID: TypeAdapter[str] = TypeAdapter(ItemId)


def test_no_two_items_have_the_same() -> None:
    assert len({new_id(HOUR) for _ in range(10_000)}) == 10_000


def test_those_of_one_hour_stand_together_behind_those_of_the_hour_before() -> None:
    times = [HOUR + timedelta(seconds=s) for s in (0, 1800, 3599)]
    ids = [[new_id(time + timedelta(hours=hours)) for time in times] for hours in range(3)]
    assert [sorted(of_hour) for of_hour in ids] == sorted(sorted(of_hour) for of_hour in ids)
    assert max(ids[0]) < min(ids[1]) < max(ids[1]) < min(ids[2])


@pytest.mark.parametrize("time", [EARLIEST, HOUR, LATEST], ids=str)
def test_it_is_an_id_at_any_time(time: datetime) -> None:
    assert ITEM_ID.validate_python(new_id(time))
