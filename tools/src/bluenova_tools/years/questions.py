"""What is asked in the benchmark: each question with its windows and its goal."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bluenova_tools.years.plan import Size

GOAL_MS = 300.0
LATEST_GOAL_MS = 20.0
POINTS = 1000
WINDOWS = {
    "a day": timedelta(days=1),
    "5 days": timedelta(days=5),
    "30 days": timedelta(days=30),
    "a year": timedelta(days=365),
    "10 years": timedelta(days=3650),
}
_OF_A_WINDOW = {
    "gaps": "battery_pack_gaps_between({mcu_id}, {window})",
    "series": f"battery_pack_series({{mcu_id}}, {{window}}, {POINTS})",
    "cell series": f"battery_pack_cell_series({{mcu_id}}, {{window}}, {POINTS})",
    "energy by day, Berlin": "battery_pack_energy({mcu_id}, {window}, 'day', 'Europe/Berlin')",
    "energy by day, Kathmandu": "battery_pack_energy({mcu_id}, {window}, 'day', 'Asia/Kathmandu')",
    "energy by month": "battery_pack_energy({mcu_id}, {window}, 'month', 'Europe/Berlin')",
    "changes": "battery_pack_changes({mcu_id}, {window})",
    "cycles": "battery_pack_cycles({mcu_id}, {window})",
    "capacity": "battery_pack_capacity({mcu_id}, {window})",
    "spread": "battery_pack_spread({mcu_id}, {window})",
    "cell resistance": "battery_pack_cell_resistance({mcu_id}, {window})",
}


@dataclass(frozen=True)
class Question:
    """A statement, what it is called, and the longest time for it."""

    name: str
    window: str
    statement: str
    goal_ms: float = GOAL_MS


def questions(size: Size) -> Iterator[Question]:
    """All of them. Windows end with the rows, or in their middle if they are shorter."""
    mcu_id = "439041025"
    begin = datetime.combine(size.first_day, datetime.min.time())
    end = begin + timedelta(days=size.days)
    middle = begin + timedelta(days=size.days / 2, hours=7, minutes=13)
    yield Question("latest", "", "SELECT * FROM battery_pack_latest", LATEST_GOAL_MS)
    for name, width in WINDOWS.items():
        until = end if width >= timedelta(days=size.days) else middle
        window = f"'{until - width}+00', '{until}+00'"
        yield Question(
            "gaps of all batteries",
            name,
            "SELECT gaps.* FROM battery_pack_latest AS latest, "
            f"battery_pack_gaps_between(latest.mcu_id, {window}) AS gaps",
        )
        for asked, call in _OF_A_WINDOW.items():
            statement = f"SELECT * FROM {call.format(mcu_id=mcu_id, window=window)}"
            yield Question(asked, name, statement)
    yield Question(
        "last full charge", "", f"SELECT * FROM battery_pack_last_full({mcu_id}, '{end}+00')"
    )
