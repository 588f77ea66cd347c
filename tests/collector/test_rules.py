"""Each line of the console's table: what it says, and when it says nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluenova_collector.console.rules import (
    EnergyFollows,
    EnergyTotal,
    Named,
    Occurrence,
    Readings,
    Unreadable,
    read,
)

VALUES = [
    # the lines of the protocol's table, word for word
    ("--- PO PARAMS --- (i=2)", {"n_units": 2}),
    ("after assignRank() --> own rank = 1", {"unit_rank": 1}),
    ("CellCount: 16", {"cell_count": 16}),
    ("C07) T: 31, V: 3312", {"cell_t[6]": 31, "cell_v[6]": 3.312}),
    ("C01) T: 31, V: 3312", {"cell_t[0]": 31, "cell_v[0]": 3.312}),
    ("C16) T: 31, V: 3312", {"cell_t[15]": 31, "cell_v[15]": 3.312}),
    ("Vpack: 53123", {"v_pack": 53.123}),
    ("Current: -12.50", {"i_pack": -12.5}),
    ("Temp: 31", {"temp": 31}),
    ("Vc_max: 3345", {"v_cell_max": 3.345}),
    ("Vc_min: 3301", {"v_cell_min": 3.301}),
    ("SOC: 87", {"soc": 87}),
    ("SOH: 99.12", {"health": 99.12}),
    ('Errors: "OVER TEMP"', {"errors": "OVER TEMP"}),
    ("System_State: CHARGE", {"system_state": "CHARGE"}),
    ("Breaker: CLOSED", {"breaker": "CLOSED"}),
    ("Charge State: IDLE (0)", {"charge_state": "IDLE"}),
    ("Vp_adc: 54121", {"adc_vp": 54.121}),
    ("DEBUG: ADC[3]: 2207 = 1612.797", {"adc[3]": 1.6128}),
    ("DEBUG: ADC[0]: 2207 = 1612.797", {"adc[0]": 1.6128}),
    ("DEBUG: ADC[4]: 2207 = 1612.797", {"adc[4]": 1.6128}),
    # tails and blanks
    ("SOC: 87 %", {"soc": 87}),
    ("SOC: 87%", {"soc": 87}),
    ("SOC: 87.9", {"soc": 87}),
    ("SOC: 87 (5 to go)", {"soc": 87}),
    ("SOC:    87", {"soc": 87}),
    ("SOC: \t87", {"soc": 87}),
    ("SOC: 0087", {"soc": 87}),
    ("Vpack: 53123 mV", {"v_pack": 53.123}),
    ("Vpack: 53123.9", {"v_pack": 53.123}),
    ("Vpack: 53123mV, ok", {"v_pack": 53.123}),
    ("Vpack: 53123, ok", {"v_pack": 53.123}),
    ("Current: 12.50 A", {"i_pack": 12.5}),
    ("Current: 12.505A", {"i_pack": 12.51}),
    ("Current: -12.504", {"i_pack": -12.5}),
    ("SOH: 99.12345", {"health": 99.123}),
    ("SOH: 1e-300", {"health": 0.0}),
    ("Current: 12", {"i_pack": 12.0}),
    ("Current: 12.", {"i_pack": 12.0}),
    ("Current: .5", {"i_pack": 0.5}),
    ("Current: -.5", {"i_pack": -0.5}),
    ("Current: 1.25e1", {"i_pack": 12.5}),
    ("Current: 5east", {"i_pack": 5.0}),
    ("Current: 12.5 A e3", {"i_pack": 12.5}),
    ("Current: 1.25e1 A, 2.5", {"i_pack": 12.5}),
    ("Temp: 31 C", {"temp": 31}),
    ("Temp: 31°C", {"temp": 31}),
    ("--- PO PARAMS --- (i=2, j=5)", {"n_units": 2}),
    ("--- PO PARAMS --- (i=2", {"n_units": 2}),
    ("C07) T: 31 C, V: 3312 mV", {"cell_t[6]": 31, "cell_v[6]": 3.312}),
    ("C07) T: 31,V:3312", {"cell_t[6]": 31, "cell_v[6]": 3.312}),
    ("C07) T: 31  V: 3312.4", {"cell_t[6]": 31, "cell_v[6]": 3.312}),
    ("C07) T: 31, V: 3312.6", {"cell_t[6]": 31, "cell_v[6]": 3.313}),
    ("C07) T: 31", {"cell_t[6]": 31}),
    ("DEBUG: ADC[3]: = 1612.797", {"adc[3]": 1.6128}),
    ("DEBUG: ADC[3]: 2207 =1612.797 mV", {"adc[3]": 1.6128}),
    # signs
    ("Temp: -5", {"temp": -5}),
    ("Temp: -1", {"temp": -1}),
    ("Temp: +5", {"temp": 5}),
    ("C07) T: -31, V: 3312", {"cell_t[6]": -31, "cell_v[6]": 3.312}),
    ("Current: -0.00", {"i_pack": 0.0}),
    # the ends of the ranges
    ("--- PO PARAMS --- (i=32767", {"n_units": 32767}),
    ("--- PO PARAMS --- (i=-32768", {"n_units": -32768}),
    ("SOC: 0", {"soc": 0}),
    ("SOC: 100", {"soc": 100}),
    ("Temp: -60", {"temp": -60}),
    ("Temp: 125", {"temp": 125}),
    ("Vpack: 0", {"v_pack": 0.0}),
    ("Vpack: 99999", {"v_pack": 99.999}),
    ("Current: -1999.99", {"i_pack": -1999.99}),
    ("C07) T: 31, V: 0", {"cell_t[6]": 31, "cell_v[6]": 0.0}),
    ("C07) T: 31, V: 4999", {"cell_t[6]": 31, "cell_v[6]": 4.999}),
    # each value of a line stands on its own
    ("C07) T: , V: 3312", {"cell_v[6]": 3.312}),
    ("C07) T: x, V: 3312", {"cell_v[6]": 3.312}),
    ("C07) T: 31, V: ", {"cell_t[6]": 31}),
    ("C07) T: 31, V: abc", {"cell_t[6]": 31}),
    ("C07) T: 255, V: 3312", {"cell_v[6]": 3.312}),
    ("C07) T: 31, V: 65535", {"cell_t[6]": 31}),
    ("C07) T: 31,5, V: 3312", {"cell_v[6]": 3.312}),
    ("C07) T: 31, V: 3,312", {"cell_t[6]": 31}),
    # texts
    ('Errors: ""', {"errors": ""}),
    ('Errors: "', {"errors": ""}),
    ('Errors: "OVER TEMP', {"errors": "OVER TEMP"}),
    ('Errors: "A" "B"', {"errors": "A"}),
    ("Errors: \"can't\"", {"errors": "can't"}),
    ('Errors: "' + "x" * 40 + '"', {"errors": "x" * 32}),
    ('Errors: "übertemp"', {"errors": "übertemp"}),
    ("System_State: SELF TEST  ", {"system_state": "SELF TEST"}),
    ("System_State: " + "x" * 40, {"system_state": "x" * 32}),
    ("Breaker: CLOSED \t ", {"breaker": "CLOSED"}),
    ("Breaker: '; DROP TABLE", {"breaker": "'; DROP TABLE"}),
    ("Charge State: CHARGING", {"charge_state": "CHARGING"}),
    ("Charge State: ABCDEFGHIJKLMNOPQRST", {"charge_state": "ABCDEFGHIJKLMNOP"}),
]  # fmt: skip

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

OUT_OF_RANGE = [
    "SOC: 32768", "SOC: -32769", "SOC: 4294967383", "SOC: 18446744073709551703",
    "SOC: " + "9" * 4000, "Temp: 99999", "Current: 1e39", "Current: -1e39", "Current: 1e999",
    "Vpack: " + "9" * 400, "SOH: 1e400", "C07) T: 99999, V: 1e307",
    "CellCount: 65552", "Write EnergyOut: 1e99",
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
    *((line, "Input should be ") for line in OUT_OF_RANGE),
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


def values(line: str) -> dict[str, object]:
    """What the line says of each quantity."""
    said = read(line)
    assert isinstance(said, Readings), said
    return {r.field if r.index is None else f"{r.field}[{r.index}]": r.value for r in said.readings}


def sentence(given: object) -> str | None:
    """A case's name: its line, if that is short."""
    if not isinstance(given, str):
        return ""
    text = given if len(given) < 50 else f"{given[:20]}… of {len(given)} characters"
    return f"[{text}]"


@pytest.mark.parametrize(("line", "said"), VALUES, ids=sentence)
def test_the_line_says(line: str, said: dict[str, object]) -> None:
    assert values(line) == said
    assert {name: type(value) for name, value in values(line).items()} == {
        name: type(value) for name, value in said.items()
    }


@pytest.mark.parametrize(("line", "why"), UNREADABLE, ids=sentence)
def test_unreadable_is(line: str, why: str) -> None:
    said = read(line)
    assert isinstance(said, Unreadable), said
    assert said.line == line
    assert line.startswith(said.prefix)
    assert said.why.startswith(why)


def test_the_values_of_a_line_that_cannot_be_read_are_told_beside_the_others() -> None:
    said = read("C07) T: 31, V: abc")
    assert isinstance(said, Readings)
    assert said.unreadable == (Unreadable("C07) T: ", "C07) T: 31, V: abc", "no number"),)


@pytest.mark.parametrize("line", CHATTER, ids=sentence)
def test_chatter_is(line: str) -> None:
    assert read(line) is None


@pytest.mark.parametrize("line", ["Current: -0", "Current: -0.004", "Vpack: -0", "SOH: -1e-300"])
def test_no_number_is_a_negative_zero(line: str) -> None:
    said = read(line)
    assert isinstance(said, Readings)
    assert [str(reading.value) for reading in said.readings] == ["0.0"]


def test_each_of_sixteen_cells_has_its_own_place() -> None:
    for cell in range(1, 17):
        said = values(f"C{cell:02}) T: {20 + cell}, V: {3300 + cell}")
        assert said == {
            f"cell_t[{cell - 1}]": 20 + cell,
            f"cell_v[{cell - 1}]": round(3.3 + cell / 1000, 3),
        }


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("INFO: BAD CRC", "bad_crc"),
        ("INFO: BAD CRC from cell 7", "bad_crc"),
        ("INFO: BAD CRCs", "bad_crc"),
        ("INFO: cellcomms parse FAIL", "parse_fail"),
        ("INFO: cellcomms parse FAILED (3)", "parse_fail"),
        ("DEBUG: REJECT BAD V: 9999", "bad_vcell"),
        ("DEBUG: REJECT BAD ", "bad_vcell"),
    ],
)
def test_the_line_counts_for(line: str, field: str) -> None:
    assert read(line) == Occurrence(field)


@pytest.mark.parametrize(
    "line",
    [
        "DEBUG: CALC PACK_CHARGE, STORE IN FLASH",
        "DEBUG: CALC PACK_CHARGE, STORE IN FLASH (page 3)",
    ],
)
def test_the_energy_totals_follow_on(line: str) -> None:
    assert read(line) == EnergyFollows()


@pytest.mark.parametrize(
    ("line", "total"),
    [
        ("Write EnergyOut: 1234.567", 1234.567),
        ("Write EnergyOut: 1234.5678 kWh", 1234.568),
        ("Write EnergyOut: 0", 0.0),
        ("Write EnergyOut:   -5.5", -5.5),
    ],
)
def test_an_energy_total_is_read(line: str, total: float) -> None:
    assert read(line) == EnergyTotal(total)


@pytest.mark.parametrize(
    ("line", "mcu_id"),
    [
        ("MCU ID: 1A2B3C4D", "1A2B3C4D"),
        ("MCU ID: 1a2b3c4d", "1A2B3C4D"),
        ("MCU ID: 0x1A2B3C4D", "1A2B3C4D"),
        ("MCU ID: 0X1a2b3c4d", "1A2B3C4D"),
        ("MCU ID: 7", "00000007"),
        ("MCU ID: 0x7", "00000007"),
        ("MCU ID:    1A2B3C4D", "1A2B3C4D"),
        ("MCU ID: 1A2B3C4D rev B", "1A2B3C4D"),
        ("MCU ID: 1A2B3C4D\t", "1A2B3C4D"),
        ("MCU ID: 1A2B3C4D-5", "1A2B3C4D"),
        ("MCU ID: FFFFFFFE", "FFFFFFFE"),
        ("MCU ID: 00000001", "00000001"),
    ],
)
def test_the_mcu_id_is(line: str, mcu_id: str) -> None:
    assert read(line) == Named(mcu_id)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        *((f"MCU ID: {text}", "no hexadecimal number") for text in ("", "xyz", "-1")),
        *(
            (f"MCU ID: {text}", "more than eight hexadecimal digits")
            for text in ("1A2B3C4D5", "0x1A2B3C4D5", "001A2B3C4D", "A" * 4000)
        ),
        *(
            (f"MCU ID: {text}", "neither 00000000 nor FFFFFFFF is an MCU ID")
            for text in ("0", "0x", "00000000", "0x0", "FFFFFFFF", "ffffffff", "0xFFFFFFFF")
        ),
    ],
    ids=sentence,
)
def test_no_mcu_id_is(line: str, why: str) -> None:
    assert read(line) == Unreadable("MCU ID: ", line, why)


PREFIXES = sorted(
    {line.partition(": ")[0] + ": " for line, _ in VALUES if ": " in line}
    | {"MCU ID: ", "Write EnergyOut: ", "C07) T: 31, V: "}
)


@given(st.sampled_from(PREFIXES), st.text())
def test_no_text_behind_a_prefix_raises(prefix: str, text: str) -> None:
    read(prefix + text)


@given(st.text())
def test_no_text_raises(text: str) -> None:
    read(text)


@given(st.integers(-60, 125), st.sampled_from(["", " C", "C", " mV", ".9", " of 100", ", ok"]))
def test_a_whole_number_is_read_whatever_its_tail(number: int, tail: str) -> None:
    assert values(f"Temp: {number}{tail}") == {"temp": number}


@given(st.integers(-199_999, 199_999), st.sampled_from(["", " A", "A", ", ok", " = 5"]))
def test_a_fraction_is_read_whatever_its_tail(hundredths: int, tail: str) -> None:
    sign = "-" if hundredths < 0 else ""
    number = f"{sign}{abs(hundredths) // 100}.{abs(hundredths) % 100:02}"
    assert values(f"Current: {number}{tail}") == {"i_pack": float(number)}


@given(st.integers().filter(lambda number: not -32768 <= number <= 32767))
def test_a_whole_number_never_wraps(number: int) -> None:
    assert isinstance(read(f"--- PO PARAMS --- (i={number}"), Unreadable)
