"""Snapshots, events and outboxes for the delivery's tests."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bluenova_collector.delivery.outbox import Outbox
from bluenova_collector.memory import Memory
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.wire import Event, Item, Occasion, new_id

MCU_ID = "1A2B3C4D"
OTHER_MCU_ID = "5E6F7081"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
BATTERY = "127.0.0.1:9000"
START_S = 1_795_435_200  # 2026-11-23 12:00:00 UTC


def snapshot(n: int = 0, mcu_id: str = MCU_ID, **values: Any) -> Snapshot:
    """The nth of a row of snapshots, 10 s apart, all values given."""
    values = {
        "n_units": 1,
        "unit_rank": 0,
        "cell_count": 16,
        "cell_v": tuple(round(3.2 + cell / 1000 + n % 100 / 1000, 3) for cell in range(16)),
        "cell_t": tuple(range(20, 36)),
        "v_pack": round(53.1 + n % 1000 / 1000, 3),
        "i_pack": -12.5,
        "temp": 24,
        "v_cell_min": 3.2,
        "v_cell_max": 3.3,
        "soc": n % 101,
        "health": 99.4,
        "errors": "",
        "system_state": "DISCHARGE",
        "breaker": "CLOSED",
        "charge_state": "DISCHARGING",
        "energy_in": 1234.567,
        "energy_out": 1100.125,
        "adc_vp": 53.2,
        "adc": (0.61, 1.06, 2.73, 1.61, 2.38),
        **values,
    }
    time = NOON + timedelta(seconds=10 * n)
    return Snapshot(time=time, mcu_id=mcu_id, id=new_id(time), **values)


def snapshot_keys(time_s: int, mcu_id: str = MCU_ID, **keys: Any) -> dict[str, Any]:
    """A snapshot's keys, as other programs may write them."""
    return {
        "schema": 1,
        "time": datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "mcu_id": mcu_id,
        **keys,
    }


def an_id() -> str:
    """The id of an item of noon."""
    return new_id(NOON)


def pack_snapshot(mcu: str = "1A2B3C4D", *, after_s: int = 0, **values: object) -> Snapshot:
    cells = tuple(3.3 + number / 1000 for number in range(16))
    usual = {
        "time": NOON + timedelta(seconds=after_s), "mcu_id": mcu, "cell_count": 16, "cell_v": cells,
        "cell_t": (21,) * 16, "v_pack": 53.12, "i_pack": -12.5, "temp": 22, "soc": 87,
        "health": 99.4, "errors": "", "system_state": "DISCHARGE", "charge_state": "DISCHARGING",
        "breaker": "CLOSED", "energy_in": 1234.567, "energy_out": 1100.2,
    }  # fmt: skip
    return Snapshot.model_validate(usual | values)


def event(occasion: Occasion, at_s: float, mcu_id: str = MCU_ID, interval_s: int = 10) -> Event:
    """An event so many seconds after noon."""
    time = NOON + timedelta(seconds=at_s)
    return Event(event=occasion, time=time, mcu_id=mcu_id, id=new_id(time), interval_s=interval_s)


def open_outbox(path: Path, *, limit: int = 1_000_000, battery: str = BATTERY) -> Outbox:
    return Outbox(path, battery, limit, time.time)


PATTERN = snapshot()


def _like(pattern: Snapshot, n: int, mcu_id: str) -> Snapshot:
    """Another one, without the time that it takes to check all its values."""
    time = NOON + timedelta(seconds=10 * n)
    return pattern.model_copy(
        update={"time": time, "mcu_id": mcu_id, "id": new_id(time), "soc": n % 101}
    )


def fill(
    outbox: Outbox, count: int, mcu_id: str = MCU_ID, *, at_once: int = 1000, first: int = 0
) -> Iterator[Item]:
    """Commits so many snapshots, and tells which."""
    for start in range(first, first + count, at_once):
        end = min(start + at_once, first + count)
        items = [_like(PATTERN, n, mcu_id) for n in range(start, end)]
        outbox.commit(items, Memory(mcu_id=mcu_id, present=[mcu_id]))
        yield from items
