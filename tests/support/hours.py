"""The hours of battery_pack_hours, computed from rows in plain Python: what SQL is held to."""

import math
import struct
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any

Row = Mapping[str, Any]
Hour = dict[str, Any]

CELLS_V = [f"cell_{n:02d}_v" for n in range(1, 17)]
CELLS_T = [f"cell_{n:02d}_t" for n in range(1, 17)]
DAY_S = 86400


def hours_of(rows: Sequence[Row]) -> dict[tuple[int, datetime], Hour]:
    """All hours of all batteries. A time that has several rows is not for this function."""
    by_battery: dict[int, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["insert_time_utc"]):
        by_battery[row["mcu_id"]].append(row)
    found = {}
    for mcu_id, in_order in by_battery.items():
        times = [row["insert_time_utc"] for row in in_order]
        begins = sorted({_begin(time) for time in times})
        for begin in begins:
            found[mcu_id, begin] = _hour(in_order, times, begin)
    return found


def _begin(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)


def _hour(rows: list[Row], times: list[datetime], begin: datetime) -> Hour:
    places = [n for n, time in enumerate(times) if _begin(time) == begin]
    own = [rows[n] for n in places]
    first, last = places[0], places[-1]
    held = [_held_s(times, n) for n in places]
    before = times[first - 1] if first > 0 else None
    after = times[last + 1] if last + 1 < len(times) else None
    hour: Hour = {
        "row_count": len(own),
        "first_time": times[first],
        "last_time": times[last],
        "time_before": before if before and _s(times[first] - before) <= DAY_S else None,
        "time_after": after if after and _s(after - times[last]) <= DAY_S else None,
        "held_s": _sum(held),
        "high_s": _sum([
            None if s is None or row["soc"] is None else s * (row["soc"] >= 90)
            for s, row in zip(held, own, strict=True)
        ]),
        "low_s": _sum([
            None if s is None or row["soc"] is None else s * (row["soc"] <= 10)
            for s, row in zip(held, own, strict=True)
        ]),
    }  # fmt: skip
    for name in ("v_pack", "i_pack", "soc", "temp", "v_cell_min", "v_cell_max"):
        _stats(hour, name, [row[name] for row in own])
    power = [_times(row["v_pack"], row["i_pack"]) for row in own]
    _stats(hour, "power", power)
    _stats(hour, "spread", [_spread(row) for row in own])
    _cells(hour, own)
    current = [row["i_pack"] for row in own]
    hour["charge_in_ah"] = _over_time(current, held, 1, 3600)
    hour["charge_out_ah"] = _over_time(current, held, -1, 3600)
    hour["energy_in_kwh"] = _over_time(power, held, 1, 3_600_000)
    hour["energy_out_kwh"] = _over_time(power, held, -1, 3_600_000)
    return hour


def _held_s(times: list[datetime], n: int) -> float | None:
    """How long the row stands for; None: a gap begins."""
    if n + 1 == len(times):
        return None
    until_s = _s(times[n + 1] - times[n])
    if until_s <= 60:
        return until_s
    since_s = _s(times[n] - times[n - 1]) if n > 0 else math.inf
    return until_s if until_s <= DAY_S and abs(until_s - since_s) <= 2 else None


def _s(time: timedelta) -> float:
    return time.total_seconds()


def _sum(values: Sequence[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return sum(known) if known else None


def _times(volts: float | None, amperes: float | None) -> float | None:
    return None if volts is None or amperes is None else volts * amperes


def _spread(row: Row) -> float | None:
    low, high = row["v_cell_min"], row["v_cell_max"]
    return None if low is None or high is None else round((high - low) * 1000) / 1000


def _over_time(
    values: Sequence[float | None], held: Sequence[float | None], sign: int, divisor: float
) -> float | None:
    parts = [
        s * max(sign * value, 0)
        for value, s in zip(values, held, strict=True)
        if value is not None and s is not None
    ]
    return sum(parts) / divisor if parts else None


def _stats(hour: Hour, name: str, values: Sequence[float | None]) -> None:
    known = [one for one in values if one is not None]
    hour[f"{name}_min"] = min(known, default=None)
    hour[f"{name}_mean"] = sum(known) / len(known) if known else None
    hour[f"{name}_max"] = max(known, default=None)
    hour[f"{name}_last"] = known[-1] if known else None


def _cells(hour: Hour, rows: Sequence[Row]) -> None:
    voltages = [[row[name] for name in CELLS_V] for row in rows]
    temperatures = [[row[name] for name in CELLS_T] for row in rows]
    deviations = []
    for cells in voltages:
        known = [one for one in cells if one is not None]
        middle = median(known) if known else 0.0
        deviations.append([None if one is None else (one - middle) * 1000 for one in cells])
    for name, cells in (("v", voltages), ("t", temperatures), ("dev", deviations)):
        columns = [
            [one for one in column if one is not None] for column in zip(*cells, strict=True)
        ]
        hour[f"cell_{name}_min"] = [min(one, default=None) for one in columns]
        hour[f"cell_{name}_mean"] = [sum(one) / len(one) if one else None for one in columns]
        hour[f"cell_{name}_max"] = [max(one, default=None) for one in columns]


def real(value: float | None) -> float | None:
    """A number as PostgreSQL's REAL holds it."""
    return None if value is None else float(struct.unpack("f", struct.pack("f", value))[0])


def differences(there: Mapping[Any, Hour], wanted: Mapping[Any, Hour]) -> list[str]:
    """What the hours that are there should be, but for the last digit of a REAL."""
    wrong = [f"{key} is there" for key in there.keys() - wanted.keys()]
    wrong += [f"{key} is missing" for key in wanted.keys() - there.keys()]
    for key in there.keys() & wanted.keys():
        for name, value in wanted[key].items():
            if not _same(there[key][name], value):
                wrong.append(f"{key}: {name} is {there[key][name]}, not {value}")
    return wrong


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_same, found, wanted))
    if isinstance(wanted, float) and isinstance(found, float | int):
        return math.isclose(found, wanted, rel_tol=1e-6, abs_tol=1e-9)
    return bool(found == wanted)
