"""What the simulated battery prints is what the real collector reads: the same values, no more."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluenova_collector.console import rules
from bluenova_shared.table import COLUMNS
from bluenova_tools.simulator.battery import Pack, PackSettings
from bluenova_tools.simulator.console import CHATTER, ConsoleLine, round_of_lines

GRAMMAR = re.compile(
    r"""MCU[ ]ID:[ ][0-9A-F]{8}
    | ---[ ]PO[ ]PARAMS[ ]---[ ]\(i=\d+\)
    | after[ ]assignRank\(\)[ ]-->[ ]own[ ]rank[ ]=[ ]\d+
    | CellCount:[ ]\d+
    | C(0[1-9]|1[0-6])\)[ ]T:[ ]-?\d+,[ ]V:[ ]\d+
    | (Vpack|Vp_adc|Vc_max|Vc_min):[ ]\d+
    | Current:[ ]-?\d+\.\d\d
    | Temp:[ ]-?\d+
    | SOC:[ ]\d{1,3}
    | SOH:[ ]\d+\.\d\d
    | Errors:[ ]"[^"]*"
    | System_State:[ ][A-Z]+
    | Breaker:[ ](CLOSED|OPEN)
    | Charge[ ]State:[ ][A-Z]+[ ]\(\d\)
    | DEBUG:[ ]ADC\[[0-4]\]:[ ]\d+[ ]=[ ]\d+\.\d{3}
    | DEBUG:[ ]CALC[ ]PACK_CHARGE,[ ]STORE[ ]IN[ ]FLASH
    | Write[ ]EnergyOut:[ ]\d+\.\d{3}""",
    re.VERBOSE,
)

COLUMN_OF = {(column.field, column.index): column.name for column in COLUMNS}


def read_values(line: ConsoleLine) -> dict[str, object]:
    """What the collector reads from a line, by the table's columns."""
    said = rules.read(line.text)
    assert not isinstance(said, rules.Unreadable), said
    if isinstance(said, dict):
        return {COLUMN_OF[place]: value for place, value in said.items()}
    if isinstance(said, rules.EnergyTotal):
        return {line.values[0][0]: said.value}  # its place tells which, not the line
    return {}


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([8, 16]), st.booleans(), st.floats(0, 1), st.floats(0, 90_000), st.integers(0)
)
def test_each_line_is_within_the_grammar_and_reads_as_what_it_says(
    cells: int, winter: bool, soc: float, passed_s: float, seed: int
) -> None:
    pack = Pack(PackSettings(cells=cells, winter=winter, start_soc=soc, seed=seed))
    pack.advance(passed_s)
    for line in round_of_lines(pack, 1):
        assert read_values(line) == pytest.approx(dict(line.values))
        if line.text not in CHATTER:
            assert GRAMMAR.fullmatch(line.text), line.text


@pytest.mark.parametrize("text", CHATTER)
def test_chatter_says_nothing_to_the_collector(text: str) -> None:
    assert rules.read(text) is None


def test_the_energy_pair_comes_first_out_then_in_behind_its_arming_line() -> None:
    pack = Pack(PackSettings())
    lines = [line for line in round_of_lines(pack, 1) if line.text not in CHATTER]
    arming, out, in_ = lines[-3:]
    assert arming.text.startswith("DEBUG: CALC PACK_CHARGE, STORE IN FLASH")
    assert out.text == f"Write EnergyOut: {pack.energy_out_kwh:.3f}"
    assert in_.text == f"Write EnergyOut: {pack.energy_in_kwh:.3f}"
    assert [out.values[0][0], in_.values[0][0]] == ["energy_out", "energy_in"]


def test_the_totals_come_in_every_fourth_round_only() -> None:
    pack = Pack(PackSettings())
    rounds = [[line.text for line in round_of_lines(pack, number)] for number in range(1, 9)]
    with_totals = [any("EnergyOut" in text for text in texts) for texts in rounds]
    assert with_totals == [True, False, False, False, True, False, False, False]
