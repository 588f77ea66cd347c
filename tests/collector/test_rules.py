"""Each line of the console's table: what it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.sentences import sentence

from bluenova_collector.console.rules import CHECKS, RULES, Partly, Rule, Unreadable, read

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


def values(line: str) -> dict[str, object]:
    """What the line says of each quantity."""
    said = read(line)
    readings = said.readings if isinstance(said, Partly) else said
    assert isinstance(readings, dict), said
    return {
        field if index is None else f"{field}[{index}]": value
        for (field, index), value in readings.items()
    }


@pytest.mark.parametrize(("line", "said"), VALUES, ids=sentence)
def test_the_line_says(line: str, said: dict[str, object]) -> None:
    assert values(line) == said
    assert {name: type(value) for name, value in values(line).items()} == {
        name: type(value) for name, value in said.items()
    }


@pytest.mark.parametrize("line", ["Current: -0", "Current: -0.004", "Vpack: -0", "SOH: -1e-300"])
def test_no_number_is_a_negative_zero(line: str) -> None:
    said = read(line)
    assert isinstance(said, dict)
    assert [str(value) for value in said.values()] == ["0.0"]


def test_each_of_sixteen_cells_has_its_own_place() -> None:
    for cell in range(1, 17):
        said = values(f"C{cell:02}) T: {20 + cell}, V: {3300 + cell}")
        assert said == {
            f"cell_t[{cell - 1}]": 20 + cell,
            f"cell_v[{cell - 1}]": round(3.3 + cell / 1000, 3),
        }


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


@pytest.mark.parametrize(
    "rule", [rule for rules in RULES.values() for rule in rules if rule.between]
)
def test_the_field_takes_all_that_its_line_may_say(rule: Rule) -> None:
    assert rule.between is not None
    for end in rule.between:
        assert CHECKS[rule.place[0]](end) == end
    value = rule.read("1 V:1 =1")
    assert value is not None
    taken = CHECKS[rule.place[0]](value)
    assert (type(taken), taken) == (type(value), value), "1.0 is not taken as a whole number"
