"""All rows of a window, and the next one."""

from datetime import timedelta

from tests.support.questions import BATTERY, NOON, ask, cells, insert, rows, utc

from bluenova_tools.local import Database

DAY = (utc(2026, 3, 10), utc(2026, 3, 11))


def test_each_row_of_the_window_comes_once_and_in_order(tables: Database) -> None:
    insert(tables, rows(5, soc=lambda n: n, **cells(3.3, 3.4, degrees=20)))
    insert(tables, rows(3, mcu_id=7), rows(2, start=NOON - timedelta(days=1)))
    found = ask(tables, "battery_pack_rows(%s, %s, %s)", BATTERY, *DAY, zone="Asia/Tokyo")
    assert [row["soc"] for row in found] == [0, 1, 2, 3, 4]
    assert found[0]["time_utc"] == NOON
    assert found[0]["cell_v"][:3] == [3.3, 3.4, None]
    assert found[0]["cell_t"][:3] == [20, 20, None]


def test_a_window_ends_before_the_next_one_begins(tables: Database) -> None:
    insert(tables, rows(2, soc=lambda n: n))
    border = utc(2026, 3, 10, 12, 0, 10)  # the second row's time
    before = ask(tables, "battery_pack_rows(%s, %s, %s)", BATTERY, DAY[0], border)
    after = ask(tables, "battery_pack_rows(%s, %s, %s)", BATTERY, border, DAY[1])
    assert [[row["soc"] for row in part] for part in (before, after)] == [[0], [1]]


def test_the_next_row_is_the_first_in_the_window_of_this_battery(tables: Database) -> None:
    insert(tables, rows(2, start=NOON), rows(1, mcu_id=BATTERY + 1, start=NOON))

    def next_row(mcu_id: int, begin: str, end: str) -> object:
        (found,) = ask(tables, "battery_pack_next_row(%s, %s, %s) AS next", mcu_id, begin, end)
        return found["next"]

    assert next_row(BATTERY, *DAY) == NOON
    assert next_row(BATTERY, utc(2026, 3, 10, 12, 0, 5), DAY[1]) == NOON + timedelta(seconds=10)
    assert next_row(BATTERY, utc(2026, 3, 10, 13), DAY[1]) is None
    assert next_row(BATTERY, DAY[0], utc(2026, 3, 10, 12)) is None
    assert next_row(BATTERY - 1, *DAY) is None
