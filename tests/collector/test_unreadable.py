"""Lines of the console that say nothing: unreadable ones with their reason, and chatter."""

import pytest
from tests.support.sentences import sentence

from bluenova_collector.console.rules import Partly, Unreadable, read

NO_NUMBER = [
    # nothing to read
    "SOC: ", "SOC:  ", "SOC: %", "SOC: abc", "SOC: -", "SOC: +", "SOC: --5", "SOC: - 5", "SOC: .5",
    "SOC: -.5", "Vpack: ", "Vpack: .5", "Current: ", "Current: .", "Current: -.", "Current: e5",
    "Temp: ", "SOH: ", "SOH: mV", "Vp_adc: x", "CellCount: none", "--- PO PARAMS --- (i=)",
    "after assignRank() --> own rank = ", "C07) T: ", "C07) T: x, V: y",
    "C07) T: , V: ", "DEBUG: ADC[3]: 2207 = ",
    "DEBUG: ADC[3]: 2207 = x", "Write EnergyOut: ", "Write EnergyOut: abc",
    # no numbers
    "Current: nan", "Current: NaN", "Current: inf", "Current: -inf", "Current: infinity",
    "SOH: nan", "Vpack: nan", "Vpack: inf", "C07) T: nan, V: nan",
    "DEBUG: ADC[3]: 2207 = inf", "Write EnergyOut: nan",
    # hexadecimal
    "SOC: 0x57", "SOC: 0X57", "Temp: -0x1F", "Current: 0x1p3", "Vpack: 0xCF83",
    "C07) T: 0x1F, V: 0x10", "Write EnergyOut: 0x10",
]  # fmt: skip

BEYOND = [
    "SOC: 32768", "SOC: -32769", "SOC: 4294967383", "SOC: 18446744073709551703",
    "SOC: " + "9" * 400, "SOC: " + "9" * 4000, "Temp: 99999", "Temp: -" + "9" * 400,
    "Current: 1e39", "Current: -1e39", "Current: 1e999", "Vpack: " + "9" * 400, "SOH: 1e400",
    "C07) T: 99999, V: 1e307", "CellCount: 65552", "CellCount: " + "9" * 400,
    "--- PO PARAMS --- (i=99999)", "DEBUG: ADC[3]: 2207 = 1e99",
]  # fmt: skip

MARKED = [
    "Vpack: 53,000", "Vpack: 53'000", "Vpack: 1.234.567", "Vpack: 53_123", "Current: 12,50",
    "Current: -12,50", "Current: 1.234,5", "Current: 1.234.567", "Current: 1e3,5",
    "Current: 1e3.5", "SOC: 87,5", "SOC: 1.234.567", "SOH: 99,12", "Temp: 31,5",
    "C07) T: 31,5, V: 3.312.000",
    "DEBUG: ADC[3]: 2207 = 1612,797", "Write EnergyOut: 1.234,567", "Write EnergyOut: 1,234.567",
]  # fmt: skip

UNREADABLE = [
    *((line, "no number") for line in NO_NUMBER),
    *((line, "not between ") for line in BEYOND),
    ("Write EnergyOut: 1e99", "Input should be "),
    *((line, "a decimal comma or thousands mark") for line in MARKED),
    ("DEBUG: ADC[3]: 2207", "no '='"),
    # sentinels
    *((line, "not between 0 and 100") for line in ("SOC: 255", "SOC: -1", "SOC: 101")),
    *((line, "not between -60 and 125") for line in ("Temp: -127", "Temp: 255", "Temp: -61")),
    *((line, "not between 0 and 4.999") for line in ("Vc_max: 65535", "Vc_min: 5000")),
    *((line, "not between 0 and 99.999") for line in ("Vpack: 100000", "Vpack: 4294967296000")),
    *((line, "not between -1999.99 and") for line in ("Current: 1e30", "Current: -2000")),
    ("SOH: 255.00", "not between 0 and 200"),
    ("Vp_adc: 100000", "not between -99.999 and 99.999"),
]

CHATTER = [
    "", " ", "tick", "soc: 87", " SOC: 87", "SOC 87", "SOC=87", "SOCX: 87", "xSOC: 87", "SOC",
    "Vpack", "vpack: 1", "Vpack_max: 1", "Temperature: 5", "C7) T: 31, V: 3312",
    "C00) T: 31, V: 3312", "C17) T: 31, V: 3312", "C99) T: 31", "C07 T: 31, V: 3312",
    "c07) T: 31, V: 3312", "DEBUG: ADC[5]: 2207 = 1612.797", "DEBUG: ADC[-1]: 2207 = 1.0",
    "DEBUG: ADC[03]: 2207 = 1.0", "debug: adc[3]: 2207 = 1.0", "INFO: BAD CR", "info: BAD CRC",
    "INFO: cellcomms parse OK", "DEBUG: REJECT GOOD", "DEBUG: CALC PACK_CHARGE", "MCU IDLE",
    "mcu id: 1A2B3C4D", "Write EnergyIn: 5", "write EnergyOut: 5", "Errors: none", "Errors cleared",
    "System State: CHARGE", "breaker: CLOSED", "Charge state: IDLE", "--- PO PARAMS --- (j=2)",
    "after assignRank() --> rank = 1", "\ufeffSOC: 87", "\ufffdSOC: 87",
]  # fmt: skip


@pytest.mark.parametrize(("line", "why"), UNREADABLE, ids=sentence)
def test_unreadable_is(line: str, why: str) -> None:
    said = read(line)
    assert isinstance(said, Unreadable), said
    assert said.line == line
    assert line.startswith(said.prefix)
    assert said.why.startswith(why)


def test_the_values_of_a_line_that_cannot_be_read_are_told_beside_the_others() -> None:
    said = read("C07) T: 31, V: abc")
    assert isinstance(said, Partly)
    assert said.unreadable == (Unreadable("C07) T: ", "C07) T: 31, V: abc", "no number"),)


def test_of_a_line_without_a_readable_value_one_reason_is_told() -> None:
    line = "C07) T: 200, V: abc"
    # The voltage's comes first in the table.
    assert read(line) == Unreadable("C07) T: ", line, "no number")


@pytest.mark.parametrize("cell", [3, 4])
def test_what_cells_say_alike_each_of_them_says_of_itself(cell: int) -> None:
    prefix = f"C{cell:02}) T: "
    line = prefix + "27, V: xyz"
    unreadable = (Unreadable(prefix, line, "no number"),)
    assert read(line) == Partly({("cell_t", cell - 1): 27}, unreadable)


@pytest.mark.parametrize("line", CHATTER, ids=sentence)
def test_chatter_is(line: str) -> None:
    assert read(line) is None
