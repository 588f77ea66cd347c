"""What the first screen says of a battery, from its newest row: pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from statistics import median
from typing import Any

from bluenova_dashboard.ranges import local_text
from bluenova_dashboard.words import battery_name, number

Row = Mapping[str, Any]

STALE_AFTER = 3  # intervals without a row
_FLOWS = 2  # amperes; less is called idle, as battery_pack_hour_facts does


@dataclass(frozen=True)
class Bar:
    """A cell's bar in the little picture: where it stands, and its deviation in mV."""

    cell: int
    deviation: float
    kind: str  # "low", "high" or ""


@dataclass(frozen=True)
class Card:
    """A battery's card: its row, and what follows from it."""

    row: Row
    name: str
    age_s: float
    stale_after_s: float  # the age at which its values are not live any more
    last_seen: str
    flow: str
    condition: str
    bars: list[Bar]
    temperatures: str

    @property
    def is_stale(self) -> bool:
        """Whether the battery has not been heard of for three intervals."""
        return self.age_s > self.stale_after_s

    @property
    def today(self) -> tuple[float | None, float | None, bool]:
        """Energy of today in and out, and whether the battery itself has counted it."""
        row = self.row
        if row["today_in"] is not None or row["today_out"] is not None:
            return row["today_in"], row["today_out"], True
        return row["today_integral_in"], row["today_integral_out"], False


def card(row: Row, zone: tzinfo, rows_wait_s: float = 0.0) -> Card:
    """The card of a row of the overview; rows wait so long before the recorder writes them."""
    return Card(
        row=row,
        name=battery_name(row["mcu_id"]),
        age_s=max(row["age"].total_seconds(), 0),
        stale_after_s=STALE_AFTER * float(row["interval_s"]) + rows_wait_s,
        last_seen=local_text(row["insert_time_utc"], zone),
        flow=_flow(row["i_pack"]),
        condition=_condition(row),
        bars=_bars(row),
        temperatures=_temperatures(row),
    )


def _flow(amps: float | None) -> str:
    if amps is None:
        return ""
    if abs(amps) < _FLOWS:
        return "idle"
    return "charging" if amps > 0 else "discharging"


def _condition(row: Row) -> str:
    """What the spread is to be judged by: cells drift apart at the top and under load."""
    if row["spread"] is None or row["i_pack"] is None:
        return ""
    if row["is_full"]:
        return "at the top"
    return "without load" if abs(row["i_pack"]) < _FLOWS else "under load"


def _bars(row: Row) -> list[Bar]:
    volts = row["cell_v"][: row["cell_count"] or None]
    known = [v for v in volts if v is not None]
    if not known:
        return []
    middle = median(known)
    kinds = {row["lowest_cell"]: "low", row["highest_cell"]: "high"}
    return [
        Bar(cell, 0 if v is None else round((v - middle) * 1000, 1), kinds.get(cell, ""))
        for cell, v in enumerate(volts, 1)
    ]


def _temperatures(row: Row) -> str:
    known = [t for t in row["cell_t"] if t is not None]
    if not known:
        return number(row["temp"], 0, "°C")
    cells = f"{number(min(known))} to {number(max(known), 0, '°C')}"
    return cells if row["temp"] is None else f"{number(row['temp'], 0, '°C')}, cells {cells}"
