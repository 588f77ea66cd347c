"""The Snapshot: what one battery said within one interval.

This is the one definition of every quantity. The console's rules, the JSON on MQTT and its schema,
the columns of `battery_pack`, and Home Assistant's sensors are derived from the fields below and
their annotations. A new console line is one field here, and nothing anywhere else.
"""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field

from bluenova_shared.identity import ItemId, McuId, Time
from bluenova_shared.quantity import (
    CELL_V,
    CELSIUS,
    PACK_V,
    Alarm,
    Count,
    Counted,
    Line,
    Real2,
    Real3,
    Real4,
    Sensor,
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
_CELL_DELTA = Sensor("Cell voltage spread", "V", "voltage", 3, "mdi:arrow-expand-vertical")
_CELL_LOWEST = Sensor("Lowest cell", precision=0, icon="mdi:battery-arrow-down-outline")
_CELL_HIGHEST = Sensor("Highest cell", precision=0, icon="mdi:battery-arrow-up-outline")


class Snapshot(BaseModel):
    """What one battery said within one interval; None is what it did not say."""

    model_config = ConfigDict(
        frozen=True, strict=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    schema_: Literal[1] = Field(default=SCHEMA, alias="schema", description="the format's version")
    time: Time = Field(description="the interval's end, UTC, whole seconds")
    mcu_id: McuId = Field(description="the battery's MCU ID, eight upper-case hex digits")
    id: ItemId | None = Field(default=None, description="its own; names it in receipts")

    n_units: Annotated[
        SmallInt | None,
        Line("--- PO PARAMS --- (i=", whole),
        Sensor("Units", icon="mdi:counter", diagnostic=True, enabled=False),
        Field(description="number of units, as the console states it"),
    ] = None
    unit_rank: Annotated[
        SmallInt | None,
        Line("after assignRank() --> own rank = ", whole),
        Sensor("Unit rank", icon="mdi:counter", diagnostic=True, enabled=False),
        Field(description="this unit's rank"),
    ] = None
    cell_count: Annotated[
        SmallInt | None,
        Line("CellCount: ", whole),
        Sensor("Cells", icon="mdi:counter", diagnostic=True),
        Field(description="number of cells"),
    ] = None
    cell_v: Annotated[
        tuple[Real3 | None, ...],
        Series(CELLS, 1, "cell_{:02d}_v", per_cell=True),
        # The temperature may come alone.
        Line("C{:02d}) T: ", behind_if_any("V:", thousandths), CELL_V),
        Sensor("Cell {:02d} voltage", "V", "voltage", 3, "mdi:battery-outline", diagnostic=True),
        Field(min_length=CELLS, max_length=CELLS, description="each cell's voltage, V"),
    ] = (None,) * CELLS
    cell_t: Annotated[
        tuple[SmallInt | None, ...],
        Series(CELLS, 1, "cell_{:02d}_t", per_cell=True),
        Line("C{:02d}) T: ", whole, CELSIUS),
        Sensor("Cell {:02d} temperature", "°C", "temperature", 0, diagnostic=True, enabled=False),
        Field(min_length=CELLS, max_length=CELLS, description="each cell's temperature, °C"),
    ] = (None,) * CELLS
    v_pack: Annotated[
        Real3 | None,
        Line("Vpack: ", whole_thousandths, PACK_V),
        Sensor("Voltage", "V", "voltage", 2, "mdi:flash-triangle-outline"),
        Field(description="pack voltage, V"),
    ] = None
    i_pack: Annotated[
        Real2 | None,
        Line("Current: ", decimal, (-1999.99, 1999.99)),
        Sensor("Current", "A", "current", 2, "mdi:current-dc"),
        Field(description="pack current, A; above zero the battery is charged"),
    ] = None
    temp: Annotated[
        SmallInt | None,
        Line("Temp: ", whole, CELSIUS),
        Sensor("Temperature", "°C", "temperature", 0),
        Field(description="pack temperature, °C"),
    ] = None
    v_cell_min: Annotated[
        Real3 | None,
        Line("Vc_min: ", whole_thousandths, CELL_V),
        Sensor("Lowest cell voltage", "V", "voltage", 3, "mdi:battery-arrow-down-outline"),
        Field(description="lowest cell voltage, V"),
    ] = None
    v_cell_max: Annotated[
        Real3 | None,
        Line("Vc_max: ", whole_thousandths, CELL_V),
        Sensor("Highest cell voltage", "V", "voltage", 3, "mdi:battery-arrow-up-outline"),
        Field(description="highest cell voltage, V"),
    ] = None
    soc: Annotated[
        SmallInt | None,
        Line("SOC: ", whole, (0, 100)),
        Sensor("State of charge", "%", "battery", 0),
        Field(description="state of charge, %"),
    ] = None
    health: Annotated[
        Real3 | None,
        Line("SOH: ", decimal, (0, 200)),
        Sensor("State of health", "%", precision=1, icon="mdi:battery-heart-variant"),
        Field(description="state of health, %"),
    ] = None
    errors: Annotated[
        Text32 | None,
        Line('Errors: "', to_quote(32)),
        Sensor("Errors", icon="mdi:alert-circle-outline", empty="none"),
        Alarm("Problem", key="problem"),
        Field(description="error text; empty when there is no error"),
    ] = None
    system_state: Annotated[
        Text32 | None,
        Line("System_State: ", rest_of_line(32)),
        Sensor("System state", icon="mdi:state-machine"),
        Field(description="system state"),
    ] = None
    breaker: Annotated[
        Text32 | None,
        Line("Breaker: ", rest_of_line(32)),
        Sensor("Breaker", icon="mdi:electric-switch"),
        Field(description="breaker state"),
    ] = None
    charge_state: Annotated[
        Text16 | None,
        Line("Charge State: ", first_word(16)),
        Sensor("Charge state", icon="mdi:battery-charging"),
        Field(description="charge state"),
    ] = None
    # The console gives both totals the same label: the collector's energy.py tells them apart.
    energy_in: Annotated[
        Real3 | None,
        Sensor("Energy in", None, "energy", 1, "mdi:battery-plus-outline", total=True),
        Field(description="energy charged so far, in the battery's own unit"),
    ] = None
    energy_out: Annotated[
        Real3 | None,
        Sensor("Energy out", None, "energy", 1, "mdi:battery-minus-outline", total=True),
        Field(description="energy discharged so far, in the battery's own unit"),
    ] = None
    adc_vp: Annotated[
        Real3 | None,
        Line("Vp_adc: ", whole_thousandths, (-99.999, 99.999)),
        Sensor("ADC voltage", "V", "voltage", 2, diagnostic=True, enabled=False),
        Field(description="pack voltage at the ADC, V"),
    ] = None
    adc: Annotated[
        tuple[Real4 | None, ...],
        Series(ADCS, 0, "adc_{}"),
        Line("DEBUG: ADC[{}]: ", behind("=", thousandths), varies=True),
        Sensor("ADC {}", precision=4, icon="mdi:chip", diagnostic=True, enabled=False),
        Field(min_length=ADCS, max_length=ADCS, description="the ADC channels' values"),
    ] = (None,) * ADCS
    bad_crc: Annotated[
        Count,
        Counted("INFO: BAD CRC"),
        Sensor("Bad checksums", precision=0, icon="mdi:counter", diagnostic=True),
        Field(description="bad checksums within the interval"),
    ] = 0
    parse_fail: Annotated[
        Count,
        Counted("INFO: cellcomms parse FAIL"),
        Sensor("Unreadable cell messages", precision=0, icon="mdi:counter", diagnostic=True),
        Field(description="unreadable cell messages within the interval"),
    ] = 0
    bad_vcell: Annotated[
        Count,
        Counted("DEBUG: REJECT BAD "),
        Sensor("Rejected cell readings", precision=0, icon="mdi:counter", diagnostic=True),
        Field(description="rejected cell readings within the interval"),
    ] = 0

    # Not measured and not stored: the collector's judgement, with hysteresis.
    cell_spread_alarm: Annotated[
        bool | None,
        Alarm("Cell spread alarm"),
        Field(description="whether the cells' voltages have drifted too far apart"),
    ] = None

    @computed_field(description="pack voltage times current, W")  # type: ignore[prop-decorator]  # pydantic's own way
    @property
    def power(self) -> Annotated[float | None, Sensor("Power", "W", "power", 0)]:
        """W; above zero the battery is charged."""
        if self.v_pack is None or self.i_pack is None:
            return None
        return round(self.v_pack * self.i_pack, 1) + 0.0

    @computed_field(description="highest minus lowest cell voltage, V")  # type: ignore[prop-decorator]  # pydantic's own way
    @property
    def cell_delta(self) -> Annotated[float | None, _CELL_DELTA]:
        """V."""
        if self.v_cell_max is None or self.v_cell_min is None:
            return None
        return round(self.v_cell_max - self.v_cell_min, 3) + 0.0

    @computed_field(description="number of the cell with the lowest voltage, from 1")  # type: ignore[prop-decorator]  # pydantic's own way
    @property
    def cell_lowest(self) -> Annotated[int | None, _CELL_LOWEST]:
        """The first of them, if several are equally low."""
        voltages = self._voltages()
        return min(voltages, key=voltages.__getitem__, default=None)

    @computed_field(description="number of the cell with the highest voltage, from 1")  # type: ignore[prop-decorator]  # pydantic's own way
    @property
    def cell_highest(self) -> Annotated[int | None, _CELL_HIGHEST]:
        """The first of them, if several are equally high."""
        voltages = self._voltages()
        return max(voltages, key=voltages.__getitem__, default=None)

    def _voltages(self) -> dict[int, float]:
        """The cells' voltages by number; none at all if one of the battery's cells is missing."""
        known = {n: volts for n, volts in enumerate(self.cell_v, 1) if volts is not None}
        return known if len(known) >= min(self.cell_count or 0, CELLS) else {}

    def to_json(self) -> str:
        """The snapshot as it goes over MQTT."""
        return self.model_dump_json(by_alias=True)
