"""The years of rows that benchmarks and tests use are what they should be."""

from datetime import date

import pytest
from tests.support.harness import query
from tests.support.questions import make_tables

from bluenova_tools.local import Database, Postgres
from bluenova_tools.years.generator import generate
from bluenova_tools.years.plan import Size

pytestmark = pytest.mark.services

ALL = (
    "SELECT md5(string_agg(pack::text, ',' ORDER BY mcu_id, insert_time_utc)), count(*) "
    "FROM {} AS pack"
)


def test_a_year_has_all_that_happens_to_batteries(year: Database) -> None:
    ((rows, cells, errors, states, nulls, full, empty, glitches),) = query(
        year,
        "SELECT count(*), array_agg(DISTINCT cell_count), array_agg(DISTINCT errors), "
        "array_agg(DISTINCT charge_state), count(*) FILTER (WHERE v_pack IS NULL), "
        "max(v_cell_max), min(v_cell_min), count(*) FILTER (WHERE energy_out = 0) "
        "FROM battery_pack",
    )
    assert 0.9 * 2 * 20 * 8640 < rows < 2 * 20 * 8640
    assert cells == [8, 16]
    assert {"", "CELL LOW V"} <= set(errors)
    assert {"CHARGING", "DISCHARGING", "FULL", "IDLE"} == set(states)
    assert 0 < nulls < rows / 1000
    assert 3.45 < full < 3.65
    assert 2.5 < empty < 2.9
    assert 0 < glitches < 100
    assert query(year, "SELECT count(cell_09_v) FROM battery_pack WHERE cell_count = 8") == [(0,)]
    causes = query(year, "SELECT DISTINCT event FROM battery_pack_events ORDER BY 1")
    assert [event for (event,) in causes] == [
        "battery_back", "battery_lost", "collector_started", "collector_stopped",
    ]  # fmt: skip
    resets = query(
        year,
        "SELECT count(*) FROM (SELECT energy_in, lag(energy_in) OVER "
        "(PARTITION BY mcu_id ORDER BY insert_time_utc) AS before FROM battery_pack "
        "WHERE energy_in > 0) AS totals WHERE energy_in < before AND before < 5000",
    )
    assert resets == [(2,)]


def test_the_same_seed_makes_the_same_days_and_another_one_others(postgres: Postgres) -> None:
    made = []
    for number, seed in enumerate((7, 7, 8)):
        database = postgres.create_database(f"days_{number}")
        make_tables(database)
        generate(database, Size(1, 1, date(2024, 2, 29), seed), at_once=1 + number)
        made.append(query(database, ALL.format("battery_pack")))
        made.append(query(database, ALL.format("battery_pack_events").replace("insert", "event")))
        assert query(database, "SELECT to_regnamespace('years')") == [(None,)]
        postgres.drop_database(database.name)
    assert made[:2] == made[2:4]
    assert made[4] != made[0]
