"""What a chaos run says of hours that are not what their rows say."""

import contextlib

import pytest
from tests.support.harness import query
from tests.support.hours_at_work import keeper_in

from bluenova_recorder.schema import prepare
from bluenova_tools.chaos.hours import wait_for_hours, wrong_hours
from bluenova_tools.local import Database

pytestmark = pytest.mark.services

ROWS = (
    "INSERT INTO battery_pack (mcu_id, insert_time_utc, soc) "
    "VALUES (7, '2026-11-20 06:00:00', 50), (7, '2026-11-20 07:00:00', 51)"
)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param("SELECT 1", "", id="nothing"),
        pytest.param("UPDATE battery_pack_hours SET soc_max = 99 WHERE soc_min = 51", "07:00:00",
                     id="another value"),
        pytest.param("DELETE FROM battery_pack_hours WHERE soc_min = 50", "06:00:00",
                     id="an hour that is missing"),
        pytest.param(ROWS.replace("06:00", "09:00").replace("07:00", "09:10"), "09:00:00 waits",
                     id="one that still waits"),
    ],
)  # fmt: skip
def test_a_wrong_hour_is_found(
    change: str, said: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in database.environment().items():
        monkeypatch.setenv(name, value)
    with contextlib.closing(database.connect()) as db:
        prepare(db)
    with contextlib.closing(keeper_in(database)) as keeper:
        assert keeper.work()
        query(database, ROWS)
        assert keeper.work()
    query(database, change)
    wait_for_hours(database, timeout_s=0.5)
    found = wrong_hours(database)
    assert bool(found) == bool(said)
    assert said in " ".join(found)
