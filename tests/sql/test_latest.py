"""The view `battery_pack_latest`: the newest row of each battery."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.support.c_program import COLUMNS
from tests.support.harness import query
from tests.support.questions import BATTERY, NOON, Row, ask, cells, insert, make_tables, rows

from bluenova_tools.local import Database

pytestmark = pytest.mark.services


def latest(database: Database, zone: str = "UTC") -> list[Row]:
    return ask(database, "battery_pack_latest ORDER BY mcu_id", zone=zone)


def test_each_battery_has_its_newest_row_with_what_follows_from_it(tables: Database) -> None:
    insert(
        tables,
        rows(3, v_pack=53.0, i_pack=lambda n: -10.0 * n, soc=80, **cells(3.30, 3.31, 3.29, 3.31)),
        rows(5, mcu_id=7, v_pack=26.5, soc=lambda n: 50 + n, errors="OVER TEMP"),
    )
    seven, other = latest(tables)
    assert (seven["mcu_id"], seven["soc"], seven["errors"]) == (7, 54, "OVER TEMP")
    assert seven["insert_time_utc"] == NOON + timedelta(seconds=40)
    assert (seven["power"], seven["spread"], seven["lowest_cell"]) == (None, None, None)
    assert (other["mcu_id"], other["power"], other["spread"]) == (BATTERY, -1060, 0.02)
    assert (other["lowest_cell"], other["lowest_cell_v"]) == (3, 3.29)
    assert (other["highest_cell"], other["highest_cell_v"]) == (2, 3.31)
    assert other["cell_v"] == [3.3, 3.31, 3.29, 3.31, *[None] * 12]


def test_a_missing_cell_leaves_the_lowest_and_the_highest_unknown(tables: Database) -> None:
    insert(tables, rows(1, **cells(3.30, None, 3.29, 3.31)))
    (row,) = latest(tables)
    assert (row["lowest_cell"], row["highest_cell_v"], row["spread"]) == (None, None, 0.02)


def test_rows_without_battery_or_time_are_none_and_an_empty_table_has_none(
    database: Database,
) -> None:
    make_tables(database, f"CREATE TABLE battery_pack ({COLUMNS})")
    assert latest(database) == []
    query(database, "INSERT INTO battery_pack (mcu_id, soc) VALUES (NULL, 1), (3, 2)")
    insert(database, rows(2, mcu_id=3, soc=5))
    (row,) = latest(database)
    assert (row["mcu_id"], row["soc"]) == (3, 5)


@pytest.mark.parametrize("zone", ["UTC", "Africa/Johannesburg"])
@pytest.mark.parametrize("kind", ["TIMESTAMP", "TIMESTAMPTZ"])
def test_it_is_right_without_a_key_and_in_any_zone(
    kind: str, zone: str, database: Database
) -> None:
    table = f"CREATE TABLE battery_pack ({COLUMNS})".replace("TIMESTAMP", kind, 1)
    make_tables(database, table)
    ago = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=90)
    for mcu_id in (5, 6):
        insert(database, rows(3, start=ago, mcu_id=mcu_id, soc=lambda n: n))
    found = latest(database, zone)
    assert [(row["mcu_id"], row["soc"]) for row in found] == [(5, 2), (6, 2)]
    for row in found:
        assert timedelta(seconds=69) <= row["age"] < timedelta(seconds=90)


def test_it_walks_through_the_key_and_reads_no_table(year: Database) -> None:
    plan = query(year, "SET enable_seqscan = on; EXPLAIN SELECT * FROM battery_pack_latest")
    assert "Seq Scan" not in "\n".join(line for (line,) in plan)
