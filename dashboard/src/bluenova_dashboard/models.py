"""What the JSON holds, for its description (OpenAPI): the columns of the functions of sql/."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, create_model


class Gap(BaseModel):
    """A time without rows."""

    mcu_id: int
    gap_from: datetime = Field(description="the last row before it")
    gap_to: datetime | None = Field(description="the first row after it; null if it lasts")
    gap: float = Field(description="how long it is, in seconds")
    cause: str


class Change(BaseModel):
    """A stretch in which one of errors, breaker, system_state and charge_state said the same."""

    name: str
    value: str | None
    began: datetime
    ended: datetime | None
    duration: float = Field(description="in seconds")
    last_seen: datetime
    began_before: bool = Field(description="whether it began before the range, or earlier still")


class Energy(BaseModel):
    """Energy of an hour, a day, a week or a month."""

    bucket_begin: datetime
    bucket_end: datetime
    bucket_local: datetime = Field(description="its begin on the clocks of the zone")
    energy_in: float | None = Field(description="by the battery's own total, in its unit")
    energy_out: float | None
    integral_in: float | None = Field(description="power over time, kWh")
    integral_out: float | None


class Cycles(BaseModel):
    """How much the battery was used."""

    charge_in_ah: float | None
    charge_out_ah: float | None
    capacity_ah: float | None
    capacity_samples: int | None
    full_equivalent_cycles: float | None
    at_high_charge: float | None = Field(description="seconds at 90 % or more")
    at_low_charge: float | None = Field(description="seconds at 10 % or less")
    known: float | None = Field(description="seconds of which something is known")


class Capacity(BaseModel):
    """A discharge from full to empty."""

    full_time: datetime
    empty_time: datetime
    capacity_ah: float | None
    known: float | None = Field(description="the share of its time that is known")


class Spread(BaseModel):
    """The cells' spread under one condition, in mV."""

    condition: str
    row_count: int
    spread_mean: float | None
    spread_max: float | None


class Resistance(BaseModel):
    """A cell's resistance as a multiple of the median cell's."""

    cell: int
    resistance: float | None
    median_mohm: float | None
    samples: int


class Health(BaseModel):
    """What a range tells of a battery's health."""

    cycles: list[Cycles]
    capacity: list[Capacity]
    spread: list[Spread]
    resistance: list[Resistance]


class Latest(BaseModel):
    """The newest row of a battery."""

    id: str = Field(description="its MCU ID as the battery says it")
    mcu_id: int
    insert_time_utc: datetime
    age: float = Field(description="in seconds")
    soc: int | None
    v_pack: float | None
    i_pack: float | None = Field(description="above zero it is charged")
    power: float | None
    temp: int | None
    health: float | None
    v_cell_min: float | None
    v_cell_max: float | None
    spread: float | None = Field(description="V")
    lowest_cell: int | None
    lowest_cell_v: float | None
    highest_cell: int | None
    highest_cell_v: float | None
    errors: str | None
    system_state: str | None
    breaker: str | None
    charge_state: str | None
    energy_in: float | None
    energy_out: float | None
    cell_count: int | None
    cell_v: list[float | None]
    cell_t: list[int | None]
    full_time: datetime | None
    days_since_full: float | None
    interval_s: float
    is_full: bool | None
    today_in: float | None
    today_out: float | None
    today_integral_in: float | None
    today_integral_out: float | None


def _of_three(name: str, about: str, quantities: str, **first: Any) -> Any:
    """A model with the lowest, the mean and the highest of each quantity."""
    three = {
        f"{quantity}_{kind}": (float | None, ...)
        for quantity in quantities.split()
        for kind in ("min", "mean", "max")
    }
    own = {key: (kind, ...) for key, kind in first.items()}
    return create_model(name, __doc__=about, **own, **three)  # type: ignore[call-overload]  # fields by name


Bucket = _of_three(
    "Bucket",
    "The pack's quantities in a stretch of time.",
    "v_pack i_pack power soc temp v_cell_min v_cell_max spread",
    bucket_utc=datetime,
    row_count=int | None,  # an empty bucket has nulls
)
CellBucket = _of_three(
    "CellBucket",
    "A cell's voltage (V), temperature and deviation from the median (mV) in a stretch of time.",
    "v t dev",
    bucket_utc=datetime,
    cell=int,
)
