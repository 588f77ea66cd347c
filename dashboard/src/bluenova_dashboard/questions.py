"""What is asked of the database: its functions and views alone, and nowhere else."""

from datetime import UTC, datetime
from typing import Any

from bluenova_dashboard.database import Database, rows_of
from bluenova_dashboard.models import (
    Bucket,
    Capacity,
    CellBucket,
    Change,
    Cycles,
    Energy,
    Gap,
    Latest,
    Resistance,
    Spread,
)
from bluenova_dashboard.ranges import Window
from bluenova_dashboard.rows import Row

# How many points a chart has across: more cannot be seen on a screen.
POINTS = 600
CELL_POINTS = 300

# What else the overview has beside the columns of battery_pack_latest.
_JOINED = (
    "id full_time days_since_full interval_s is_full today_in today_out today_integral_in"
    " today_integral_out"
).split()
_LATEST = ", ".join(f"latest.{name}" for name in Latest.model_fields if name not in _JOINED)
_OVERVIEW = f"""
SELECT {_LATEST}, full_time, days_since AS days_since_full,
       date_part('epoch', expected.length)::FLOAT8 AS interval_s,
       battery_pack_is_full(i_pack, v_cell_max) AS is_full,
       today.energy_in AS today_in, today.energy_out AS today_out,
       today.integral_in AS today_integral_in, today.integral_out AS today_integral_out
FROM battery_pack_latest AS latest
CROSS JOIN LATERAL battery_pack_last_full(latest.mcu_id, %(now)s) AS last_full
CROSS JOIN LATERAL battery_pack_interval_at(latest.mcu_id, now() AT TIME ZONE 'UTC') AS expected
LEFT JOIN LATERAL battery_pack_energy(
    latest.mcu_id, %(today)s, %(now)s, 'day', %(zone)s) AS today ON TRUE
WHERE %(mcu_id)s::BIGINT IS NULL OR latest.mcu_id = %(mcu_id)s
ORDER BY latest.mcu_id
"""  # noqa: S608  # the columns' names above
# All that is taken is named: so a function of another version is noticed by the database.
_COLUMNS = {
    function: ", ".join(model.model_fields)
    for function, model in {
        "battery_pack_series": Bucket,
        "battery_pack_cell_series": CellBucket,
        "battery_pack_gaps_between": Gap,
        "battery_pack_changes": Change,
        "battery_pack_energy": Energy,
        "battery_pack_cycles": Cycles,
        "battery_pack_capacity": Capacity,
        "battery_pack_spread": Spread,
        "battery_pack_cell_resistance": Resistance,
    }.items()
} | {"battery_pack_rows": "time_utc, cell_v, cell_t, *"}
_SHOWN_CELLS = "bucket_utc, cell, v_min, v_mean, v_max, dev_mean, t_max"


class Questions:
    """The questions, each answered with rows by column. All raise Unavailable."""

    def __init__(self, database: Database, zone_name: str) -> None:
        self.database = database
        self.zone_name = zone_name

    def _call(
        self, function: str, mcu_id: int, window: Window, *more: object, columns: str = ""
    ) -> list[Row]:
        marks = ", ".join(["%s"] * (3 + len(more)))
        return self.database.ask(
            f"SELECT {columns or _COLUMNS[function]} FROM {function}({marks})",  # noqa: S608  # the names above
            [mcu_id, window.begin, window.end, *more],
        )

    def batteries(self) -> list[int]:
        """The MCU IDs of all batteries that have rows."""
        found = self.database.ask("SELECT mcu_id FROM battery_pack_latest ORDER BY mcu_id")
        return [row["mcu_id"] for row in found]

    def overview(self, now: datetime, today: datetime, mcu_id: int | None = None) -> list[Row]:
        """The newest row of each battery, or of one, with its last full charge and its today."""
        values = {"now": now, "today": today, "zone": self.zone_name, "mcu_id": mcu_id}
        with self.database.reading() as cursor:
            return rows_of(cursor, _OVERVIEW, values)

    def series(self, mcu_id: int, window: Window, points: int = POINTS) -> list[Row]:
        """The pack's quantities over time."""
        return self._call("battery_pack_series", mcu_id, window, points)

    def cell_series(self, mcu_id: int, window: Window, points: int) -> list[Row]:
        """Each cell's quantities over time."""
        return self._call("battery_pack_cell_series", mcu_id, window, points)

    def shown_cells(self, mcu_id: int, window: Window) -> list[Row]:
        """The cells over time, only what is shown of them: thousands of rows need memory."""
        return self._call(
            "battery_pack_cell_series", mcu_id, window, CELL_POINTS, columns=_SHOWN_CELLS
        )

    def gaps(self, mcu_id: int, window: Window) -> list[Row]:
        """The times without rows that overlap the window, with their causes."""
        return self._call("battery_pack_gaps_between", mcu_id, window)

    def changes(self, mcu_id: int, window: Window, *names: str) -> list[Row]:
        """What errors, breaker and states said in the window; or only those of these names."""
        if not names:
            return self._call("battery_pack_changes", mcu_id, window)
        found = [
            row
            for name in names
            for row in self._call("battery_pack_changes", mcu_id, window, name)
        ]
        return sorted(found, key=lambda row: row["began"])

    def energy(self, mcu_id: int, window: Window, bucket: str) -> list[Row]:
        """Energy in and out per bucket (hour, day, week, month) of the site's zone."""
        return self._call("battery_pack_energy", mcu_id, window, bucket, self.zone_name)

    def health(self, mcu_id: int, window: Window, months: list[Window]) -> dict[str, Any]:
        """Cycles, capacity, spread and resistance in the window, and the spread by month."""
        with self.database.reading() as cursor:

            def call(function: str, part: Window) -> list[Row]:
                return rows_of(
                    cursor,
                    f"SELECT {_COLUMNS[function]} FROM {function}(%s, %s, %s)",  # noqa: S608  # the names above
                    [mcu_id, part.begin, part.end],
                )

            return {
                "cycles": call("battery_pack_cycles", window),
                "capacity": call("battery_pack_capacity", window),
                "spread": call("battery_pack_spread", window),
                "resistance": call("battery_pack_cell_resistance", window),
                "spread_by_month": [
                    {"month": month.begin, **row}
                    for month in months
                    for row in call("battery_pack_spread", month)
                ],
            }

    def rows(self, mcu_id: int, window: Window) -> list[Row]:
        """All rows of the window."""
        return self._call("battery_pack_rows", mcu_id, window)

    def first_row(self, mcu_id: int, window: Window) -> datetime | None:
        """When the first row of the window is, if there is one."""
        (found,) = self.database.ask(
            "SELECT battery_pack_next_row(%s, %s, %s) AS next",
            [mcu_id, window.begin, window.end],
        )
        return found["next"].replace(tzinfo=UTC) if found["next"] else None
