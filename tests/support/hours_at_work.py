"""What keeps the hours, at work at once, and what it has made."""

import contextlib
from datetime import datetime
from typing import Any

from tests.support.harness import query
from tests.support.hours import real

from bluenova_recorder.account import Account
from bluenova_recorder.rollup.keeper import Every, HoursKeeper
from bluenova_recorder.rollup.renew import Waits
from bluenova_shared.table import COLUMNS
from bluenova_tools.local import Database

# What is marked is computed at once, the open hour too.
AT_ONCE = Waits(quiet_s=0.0, late_s=0.0, open_s=0.0)
ALWAYS = Every(marks_s=0.01, triggers_s=0.0, remove_s=0.0)
_NAMES = [column.name for column in COLUMNS]


def keeper_in(database: Database, keep_days: int | None = None) -> HoursKeeper:
    """One that does at once what there is to do."""
    account = Account(database.name, database.user, database.password)
    return HoursKeeper(account, lambda: True, keep_days=keep_days, waits=AT_ONCE, every=ALWAYS)


def rows_of(database: Database) -> list[dict[str, Any]]:
    found = query(database, f"SELECT {', '.join(_NAMES)} FROM battery_pack")
    return [
        {name: real(one) if isinstance(one, float) else one
         for name, one in zip(_NAMES, row, strict=True)}
        for row in found
    ]  # fmt: skip


def stored_hours(database: Database) -> dict[tuple[int, datetime], dict[str, Any]]:
    with contextlib.closing(database.connect()) as db, db.cursor() as cursor:
        cursor.execute("SELECT * FROM battery_pack_hours")
        names = [column.name for column in cursor.description or ()]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return {(hour["mcu_id"], hour["hour_utc"]): hour for hour in found}


def assert_recomputed(database: Database) -> None:
    """To the last bit, each hour alone is what it was made with others in a run."""
    wrong = query(
        database,
        "SELECT h.mcu_id, h.hour_utc FROM battery_pack_hours AS h, LATERAL "
        "battery_pack_hours_from_rows(h.mcu_id, h.hour_utc, h.hour_utc + INTERVAL '1 hour') AS now "
        "WHERE NOT h.rows_removed AND h IS DISTINCT FROM now",
    )
    assert wrong == []
    # How long a row stands for is said in both functions: they must mean the same.
    apart = query(
        database,
        "SELECT mcu_id, hour_utc, energy_in_kwh, in_kwh, energy_out_kwh, out_kwh "
        "FROM battery_pack_hours LEFT JOIN battery_pack_hour_facts USING (mcu_id, hour_utc) "
        "WHERE abs(coalesce(energy_in_kwh - in_kwh, num_nonnulls(energy_in_kwh, in_kwh))) > 1e-9 "
        "   OR abs(coalesce(energy_out_kwh - out_kwh, num_nonnulls(energy_out_kwh, out_kwh)))"
        "      > 1e-9",
    )
    assert apart == []
