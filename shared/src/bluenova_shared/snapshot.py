"""The Snapshot: what one battery said within one interval.

This is the one definition of every quantity. The console's rules, the JSON on MQTT and its schema,
and the columns of `battery_pack` are derived from the fields below and their annotations. A new
console line is one field here, and nothing anywhere else.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, computed_field

from bluenova_shared.quantity import (
    Count,
    Counted,
    Line,
    Real2,
    Real3,
    Real4,
    Series,
    SmallInt,
    Text16,
    Text32,
)
from bluenova_shared.readings import (
    behind,
    behind_if_any,
    decimal,
    first_word,
    rest_of_line,
    thousandths,
    to_quote,
    whole,
    whole_thousandths,
)

SCHEMA: Final = 1
CELLS = 16
ADCS = 5
EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)


def _interval_end(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise ValueError("a time without its zone")
    if not EARLIEST <= time < LATEST:
        raise ValueError("not between 2020 and 2100")
    if time.microsecond:
        raise ValueError("not a whole second")
    return time.astimezone(UTC)


def _an_mcu_id(text: str) -> str:
    if int(text, 16) in (0, 0xFFFFFFFF):
        raise ValueError("neither 00000000 nor FFFFFFFF is an MCU ID")
    return text


Time = Annotated[datetime, AfterValidator(_interval_end)]
ItemId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
McuId = Annotated[str, Field(pattern=r"^[0-9A-F]{8}$"), AfterValidator(_an_mcu_id)]


class Snapshot(BaseModel):
    """What one battery said within one interval; None is what it did not say.

    Values hold to the table's types, so that PostgreSQL can never refuse one: numbers within
    SMALLINT and REAL, rounded to the table's decimals; texts no longer than their columns.
    """

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        title="Snapshot",
    )

    schema_: Literal[1] = Field(
        default=SCHEMA, alias="schema", description="version of this format"
    )
    time: Time = Field(description="the interval's end, UTC, whole seconds")
    mcu_id: McuId = Field(description="the battery's MCU ID, eight upper-case hex digits")
    id: ItemId | None = Field(
        default=None, description="random; by this name the recorder's receipt calls the snapshot"
    )

    n_units: Annotated[
        SmallInt | None,
        Line("--- PO PARAMS --- (i=", whole),
        Field(description="number of units, as the console says it"),
    ] = None
    unit_rank: Annotated[
        SmallInt | None,
        Line("after assignRank() --> own rank = ", whole),
        Field(description="this unit's rank"),
    ] = None
    cell_count: Annotated[
        SmallInt | None, Line("CellCount: ", whole), Field(description="number of cells")
    ] = None
    cell_v: Annotated[
        tuple[Real3 | None, ...],
        Series(CELLS, 1, "cell_{:02d}_v"),
        # A line may bear the temperature alone.
        Line("C{:02d}) T: ", behind_if_any("V:", thousandths)),
        Field(min_length=CELLS, max_length=CELLS, description="each cell's voltage, V"),
    ] = (None,) * CELLS
    cell_t: Annotated[
        tuple[SmallInt | None, ...],
        Series(CELLS, 1, "cell_{:02d}_t"),
        Line("C{:02d}) T: ", whole),
        Field(min_length=CELLS, max_length=CELLS, description="each cell's temperature, °C"),
    ] = (None,) * CELLS
    v_pack: Annotated[
        Real3 | None, Line("Vpack: ", whole_thousandths), Field(description="pack voltage, V")
    ] = None
    i_pack: Annotated[
        Real2 | None,
        Line("Current: ", decimal),
        Field(description="pack current, A; above zero the battery is charged"),
    ] = None
    temp: Annotated[
        SmallInt | None, Line("Temp: ", whole), Field(description="pack temperature, °C")
    ] = None
    v_cell_min: Annotated[
        Real3 | None,
        Line("Vc_min: ", whole_thousandths),
        Field(description="lowest cell voltage, V"),
    ] = None
    v_cell_max: Annotated[
        Real3 | None,
        Line("Vc_max: ", whole_thousandths),
        Field(description="highest cell voltage, V"),
    ] = None
    soc: Annotated[
        SmallInt | None, Line("SOC: ", whole), Field(description="state of charge, %")
    ] = None
    health: Annotated[
        Real3 | None, Line("SOH: ", decimal), Field(description="state of health, %")
    ] = None
    errors: Annotated[
        Text32 | None,
        Line('Errors: "', to_quote(32)),
        Field(description="error text; empty when there is no error"),
    ] = None
    system_state: Annotated[
        Text32 | None, Line("System_State: ", rest_of_line(32)), Field(description="system state")
    ] = None
    breaker: Annotated[
        Text32 | None, Line("Breaker: ", rest_of_line(32)), Field(description="breaker state")
    ] = None
    charge_state: Annotated[
        Text16 | None, Line("Charge State: ", first_word(16)), Field(description="charge state")
    ] = None
    # The console gives both totals the same label: the collector's energy.py tells them apart.
    energy_in: Annotated[
        Real3 | None, Field(description="energy charged so far, in the battery's own unit")
    ] = None
    energy_out: Annotated[
        Real3 | None, Field(description="energy discharged so far, in the battery's own unit")
    ] = None
    adc_vp: Annotated[
        Real3 | None,
        Line("Vp_adc: ", whole_thousandths),
        Field(description="pack voltage at the ADC, V"),
    ] = None
    adc: Annotated[
        tuple[Real4 | None, ...],
        Series(ADCS, 0, "adc_{}"),
        Line("DEBUG: ADC[{}]: ", behind("=", thousandths)),
        Field(min_length=ADCS, max_length=ADCS, description="the ADC channels' values"),
    ] = (None,) * ADCS
    bad_crc: Annotated[
        Count, Counted("INFO: BAD CRC"), Field(description="bad checksums within the interval")
    ] = 0
    parse_fail: Annotated[
        Count,
        Counted("INFO: cellcomms parse FAIL"),
        Field(description="unreadable cell messages within the interval"),
    ] = 0
    bad_vcell: Annotated[
        Count,
        Counted("DEBUG: REJECT BAD "),
        Field(description="rejected cell readings within the interval"),
    ] = 0

    @computed_field(description="pack voltage times current, W")  # type: ignore[prop-decorator]  # pydantic's own way
    @property
    def power(self) -> float | None:
        """W; above zero the battery is charged."""
        if self.v_pack is None or self.i_pack is None:
            return None
        return round(self.v_pack * self.i_pack, 1) + 0.0

    @computed_field(description="highest less lowest cell voltage, V")  # type: ignore[prop-decorator]  # pydantic's own way
    @property
    def cell_delta(self) -> float | None:
        """V."""
        if self.v_cell_max is None or self.v_cell_min is None:
            return None
        return round(self.v_cell_max - self.v_cell_min, 3) + 0.0

    def to_json(self) -> str:
        """The snapshot as it goes over MQTT."""
        return self.model_dump_json(by_alias=True)
