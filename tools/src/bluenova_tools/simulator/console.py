"""What a pack prints on its console: the lines of a round, and the chatter between.

Pure. The grammar is the battery's own; every line carries what a reader should make of
it, so that a run can be compared with what arrived in the table.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bluenova_tools.simulator.battery import Pack

# The firmware stores its totals only now and then; this often here, in rounds.
ENERGY_EVERY_ROUNDS = 4
CHATTER_SHARE = 0.25

# Lines that are nobody's. Many look almost like one that counts: wrong case, a blank in
# front, a missing colon, a longer word, a cell that does not exist.
CHATTER = (
    "tick", "", "[comms] poll 16/16 ok, 0 retries", "I2C: bus idle", "heap: 18432 free",
    "DEBUG: balance mask 0x0000", "DEBUG: ADC calibration ok", "INFO: cellcomms OK",
    "info: bad crc", " INFO: BAD CRC", "INFO: BAD CR", "DEBUG: REJECTED 0", "soc: 87",
    " SOC: 12", "SOC 87", "SOCKET: 3", "Vpack 53123", "vpack: 1", "Current limit: 100.00",
    "Temperature ok", "Vc_maximum: 3650", "C7) T: 31, V: 3312", "C00) T: 1, V: 1",
    "C17) T: 31, V: 3312", "MCU IDLE", "MCU rev: B2", "Cell Count 16", "Errors cleared",
    "System_Status: OK", "Breaker_Count: 3", "Charge Stage: 2", "Write EnergyIn: 12.000",
    "--- PO PARAMS ---", "after assignRank()", "DEBUG: CALC PACK_CURRENT", "Vp_adc_raw: 54121",
)  # fmt: skip


@dataclass(frozen=True)
class ConsoleLine:
    """A line of the console and the table's columns that it should fill.

    ``text`` may hold bytes that are no UTF-8, as Python's surrogate escapes. ``values``
    are (column, value) in the table's units; counters have 1 for one more.
    """

    text: str
    mcu_id: int
    values: tuple[tuple[str, float | int | str], ...] = ()


def round_of_lines(pack: Pack, number: int) -> Iterator[ConsoleLine]:
    """Yield one round of a pack's console: its id, all values, chatter between them."""
    # Its own generator: how much chatter there is must not change the pack's story.
    random = Random(f"{pack.settings.seed}-{number}")
    for line in _values(pack, number):
        yield line
        # Behind the line, so that nothing of a round comes before its MCU ID.
        if random.random() < CHATTER_SHARE:
            yield ConsoleLine(random.choice(CHATTER), pack.settings.mcu_id)


def _values(pack: Pack, number: int) -> Iterator[ConsoleLine]:
    mcu_id, now = pack.settings.mcu_id, pack.readings

    def line(text: str, **values: float | int | str) -> ConsoleLine:
        return ConsoleLine(text, mcu_id, tuple(values.items()))

    units, rank = pack.settings.n_units, pack.settings.unit_rank
    yield line(f"MCU ID: {mcu_id:08X}")
    yield line(f"--- PO PARAMS --- (i={units})", n_units=units)
    yield line(f"after assignRank() --> own rank = {rank}", unit_rank=rank)
    yield line(f"CellCount: {len(now.cell_mv)}", cell_count=len(now.cell_mv))
    for cell, (mv, t_c) in enumerate(zip(now.cell_mv, now.cell_t_c, strict=True), start=1):
        columns: dict[str, float | int | str] = {f"cell_{cell:02}_t": t_c}
        columns[f"cell_{cell:02}_v"] = mv / 1000
        yield line(f"C{cell:02}) T: {t_c}, V: {mv}", **columns)
    yield line(f"Vpack: {now.pack_mv}", v_pack=now.pack_mv / 1000)
    yield line(f"Current: {now.current_a:.2f}", i_pack=now.current_a)
    yield line(f"Temp: {now.temp_c}", temp=now.temp_c)
    yield line(f"Vc_max: {max(now.cell_mv)}", v_cell_max=max(now.cell_mv) / 1000)
    yield line(f"Vc_min: {min(now.cell_mv)}", v_cell_min=min(now.cell_mv) / 1000)
    yield line(f"SOC: {now.soc_percent}", soc=now.soc_percent)
    yield line(f"SOH: {now.soh_percent:.2f}", health=now.soh_percent)
    yield line(f'Errors: "{pack.error_text}"', errors=pack.error_text[:32])
    yield line(f"System_State: {pack.system_state}", system_state=pack.system_state)
    breaker = "CLOSED" if pack.breaker_closed else "OPEN"
    yield line(f"Breaker: {breaker}", breaker=breaker)
    yield line(
        f"Charge State: {pack.charge_state}", charge_state=pack.charge_state.partition(" ")[0]
    )
    yield line(f"Vp_adc: {now.pack_adc_mv}", adc_vp=now.pack_adc_mv / 1000)
    for channel, (raw, mv_) in enumerate(zip(now.adc_raw, now.adc_mv, strict=True)):
        text = f"DEBUG: ADC[{channel}]: {raw} = {mv_:.3f}"
        yield line(text, **{f"adc_{channel}": round(mv_ / 1000, 4)})
    if number % ENERGY_EVERY_ROUNDS == 1:
        energy_out, energy_in = round(pack.energy_out_kwh, 3), round(pack.energy_in_kwh, 3)
        yield line("DEBUG: CALC PACK_CHARGE, STORE IN FLASH")
        # The firmware labels both totals "EnergyOut": the first is discharge, the second charge.
        yield line(f"Write EnergyOut: {energy_out:.3f}", energy_out=energy_out)
        yield line(f"Write EnergyOut: {energy_in:.3f}", energy_in=energy_in)
