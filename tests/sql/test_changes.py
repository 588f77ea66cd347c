"""`battery_pack_changes`: what the texts said, as stretches of time."""

from datetime import timedelta
from itertools import groupby
from random import Random

import pytest
from tests.support.harness import query
from tests.support.questions import BATTERY, NOON, Row, ask, fill_hours, insert, mark, rows, utc

from bluenova_tools.local import Database

pytestmark = pytest.mark.services

CALL = "battery_pack_changes(%s, %s, %s)"
ONLY = "battery_pack_changes(%s, %s, %s, %s)"
DAY = (utc(2026, 3, 10), utc(2026, 3, 11))
NAMES = ["breaker", "charge_state", "errors", "system_state"]


def plainly(table: list[Row]) -> set[tuple[object, ...]]:
    """Name, value, begin, end and last row of each stretch, from the rows themselves."""
    found: set[tuple[object, ...]] = set()
    for name in NAMES:
        said = [(row[name], row["insert_time_utc"]) for row in table if row.get(name) is not None]
        stretches = [list(rows) for _, rows in groupby(said, key=lambda one: one[0])]
        ends = [*(stretch[0][1] for stretch in stretches[1:]), None]
        for stretch, ended in zip(stretches, ends, strict=False):
            found.add((name, stretch[0][0], stretch[0][1], ended, stretch[-1][1]))
    return found


def shown(answer: list[Row]) -> set[tuple[object, ...]]:
    return {
        (one["name"], one["value"], one["began"], one["ended"], one["last_seen"]) for one in answer
    }


@pytest.mark.parametrize("state", ["up to date", "marked", "nobody keeps them"])
def test_each_text_has_its_stretches_over_hours_gaps_and_nulls(
    state: str, tables: Database
) -> None:
    random = Random(5)
    table = [row for n, row in enumerate(rows(1500)) if not 500 <= n < 1000]
    for row in table:
        row.update(
            {
                "errors": random.choice(["", "", "", "OVER TEMP", None]),
                "breaker": "CLOSED" if random.random() < 0.99 else None,
                "system_state": ["IDLE", "CHARGE"][row["insert_time_utc"].minute // 30],
                "charge_state": None,
            }
        )
    insert(tables, table)
    if state != "nobody keeps them":
        fill_hours(tables)
    if state == "marked":
        query(tables, "UPDATE battery_pack SET breaker = 'OPEN' WHERE insert_time_utc = %s", NOON)
        table[0]["breaker"] = "OPEN"
        mark(tables, NOON)
    answer = ask(tables, CALL, BATTERY, *DAY)
    assert shown(answer) == plainly(table)
    assert not any(one["began_before"] for one in answer)
    for one in answer:
        assert one["duration"] == (one["ended"] or one["last_seen"]) - one["began"]
    errors = ask(tables, ONLY, BATTERY, *DAY, "errors")
    assert errors == [one for one in answer if one["name"] == "errors"]


def test_hours_in_which_nothing_changes_are_passed_over(tables: Database) -> None:
    table = rows(
        480, step=timedelta(minutes=1), errors=lambda n: "A" if 250 <= n < 260 else "",
        breaker=lambda n: "OPEN" if 300 <= n < 360 else "CLOSED", system_state="IDLE",
        charge_state=lambda n: "FULL" if n < 400 else "IDLE",
    )  # fmt: skip
    insert(tables, table)
    fill_hours(tables)
    assert shown(ask(tables, CALL, BATTERY, *DAY)) == plainly(table)
    until = utc(2026, 3, 10, 15)
    assert shown(ask(tables, CALL, BATTERY, DAY[0], until)) == plainly(table[:180])


def test_what_began_before_the_window_is_marked_and_what_is_beyond_is_left_out(
    tables: Database,
) -> None:
    insert(
        tables,
        rows(360, errors="A"), rows(360, start=NOON + timedelta(hours=1), errors="B"),
        rows(720, start=NOON + timedelta(hours=6), errors="C"),
    )  # fmt: skip
    fill_hours(tables)
    answer = ask(tables, CALL, BATTERY, utc(2026, 3, 10, 17), utc(2026, 3, 10, 19))
    assert [(one["value"], one["began_before"], one["ended"]) for one in answer] == [
        ("B", True, NOON + timedelta(hours=6)),
        ("C", False, None),
    ]
    (only,) = ask(tables, CALL, BATTERY, utc(2026, 3, 10, 19, 1), utc(2026, 3, 10, 19, 2))
    assert (only["value"], only["began_before"]) == ("C", True)


def test_any_window_of_a_long_time_is_a_part_of_the_whole(year: Database) -> None:
    whole = ask(year, CALL, 0x1A2B3C01, utc(2024, 12, 31), utc(2025, 2, 1))
    columns = ["insert_time_utc", *NAMES]
    found = query(
        year,
        f"SELECT {', '.join(columns)} FROM battery_pack WHERE mcu_id = {0x1A2B3C01} "
        "ORDER BY insert_time_utc",
    )
    assert shown(whole) == plainly([dict(zip(columns, row, strict=True)) for row in found])
    part = ask(year, CALL, 0x1A2B3C01, utc(2025, 1, 7), utc(2025, 1, 9))
    clear = {
        one for one in shown(part) if one[3] and not any(
            old["began_before"] and old["began"] == one[2] for old in part
        )
    }  # fmt: skip
    assert len(clear) > 20
    assert clear <= shown(whole)


def test_of_nothing_there_are_no_changes(tables: Database) -> None:
    assert ask(tables, CALL, BATTERY, *DAY) == []
    insert(tables, rows(5, soc=5))
    assert ask(tables, CALL, BATTERY, *DAY) == []
    assert ask(tables, CALL, BATTERY, DAY[1], DAY[0]) == []
