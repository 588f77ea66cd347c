"""Each trouble does what its name says, and the truth says what a reader should make of it."""

import pytest

from bluenova_collector.console import rules
from bluenova_tools.simulator.acts import Cut, Drop, Fragments, Stall, Vanish, to_bytes
from bluenova_tools.simulator.battery import Pack, PackSettings
from bluenova_tools.simulator.behaviour import Behaviour
from bluenova_tools.simulator.console import ConsoleLine, round_of_lines
from bluenova_tools.simulator.troubles import TROUBLES, Troubles, parse_trouble

DAMAGE = ("empty-number", "decimal-comma", "out-of-range")
IN_BETWEEN = ("garbage", "long-line", "huge-line", "bad-utf8")


def lines() -> list[ConsoleLine]:
    return list(round_of_lines(Pack(PackSettings()), 1))


def said(name: str) -> list[ConsoleLine]:
    troubles = Troubles({name: 1.0})
    without_name = [line for line in lines() if not line.text.startswith("MCU ID: ")]
    return [line for original in without_name for line in troubles.on_line(original)]


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_number_is_unreadable_and_the_truth_has_no_value(name: str) -> None:
    damaged = [line for line in said(name) if line.text not in {old.text for old in lines()}]
    assert len(damaged) > 30
    for line in damaged:
        assert isinstance(rules.read(line.text), rules.Unreadable), line.text
        assert line.values == ()


@pytest.mark.parametrize(
    ("text", "damaged"),
    [
        ("Current: -12.50", "Current: -12,50"),
        ("Vpack: 53123", "Vpack: 53,123"),
        ("Temp: -1234", "Temp: -1,234"),
        ("SOC: 87", "SOC: 87,0"),
    ],
)
def test_a_comma_stands_for_the_point_or_between_the_thousands(text: str, damaged: str) -> None:
    (line,) = Troubles({"decimal-comma": 1.0}).on_line(ConsoleLine(text, 1, (("any", 1),)))
    assert line.text == damaged


@pytest.mark.parametrize("name", IN_BETWEEN)
def test_what_comes_in_between_says_nothing_and_takes_nothing_away(name: str) -> None:
    texts = [line.text for line in said(name)]
    assert texts[1::2] == [line.text for line in lines() if not line.text.startswith("MCU ID: ")]
    for text in texts[::2]:
        assert rules.read(to_bytes(text).decode("utf-8", "replace")) is None


def test_a_line_that_is_no_utf8_really_is_none() -> None:
    with pytest.raises(UnicodeDecodeError):
        to_bytes(said("bad-utf8")[0].text).decode()


def test_long_lines_are_longer_than_a_reader_keeps() -> None:
    assert all(5_000 <= len(line.text) <= 60_000 for line in said("long-line")[::2])


def test_what_comes_in_between_stands_behind_the_name_of_its_pack() -> None:
    name, counter = Troubles({"counters": 1.0}).on_line(ConsoleLine("MCU ID: 00000001", 1))
    assert name.text == "MCU ID: 00000001"
    assert counter.values[0][1] == 1


def test_counters_are_counted() -> None:
    for line in said("counters")[::2]:
        ((column, one),) = line.values
        assert rules.read(line.text) == rules.Occurrence(column)
        assert one == 1


def test_negative_temperatures_are_in_text_and_truth() -> None:
    for line in said("negative-temperature"):
        for column, value in line.values:
            if column == "temp" or column.endswith("_t"):
                assert isinstance(value, int)
                assert value < 0
                assert f"{value}" in line.text


def test_error_texts_read_as_the_truth_says() -> None:
    troubles = Troubles({"error-text": 1.0})
    for _ in range(50):
        (line,) = troubles.on_line(ConsoleLine('Errors: ""', 1, (("errors", ""),)))
        values: rules.Readings = {("errors", None): dict(line.values)["errors"]}
        assert rules.read(line.text) == values


@pytest.mark.parametrize(
    ("name", "kind"), [("cut", Cut), ("drop", Drop), ("stall", Stall), ("vanish", Vanish)]
)
def test_what_happens_to_a_connection_comes_before_the_line(name: str, kind: type) -> None:
    happening, line = Troubles({name: 1.0}).on_wire("SOC: 50", [])
    assert isinstance(happening, kind)
    assert line == "SOC: 50"


def test_a_binary_frame_holds_the_same_line() -> None:
    assert Troubles({"binary": 1.0}).on_wire("SOC: 50", []) == [b"SOC: 50"]


def test_fragments_are_the_same_line_in_pieces() -> None:
    (act,) = Troubles({"fragments": 1.0}).on_wire("Temp: 5 °C", [])
    assert isinstance(act, Fragments)
    assert b"".join(to_bytes(part) for part in act.parts) == "Temp: 5 °C".encode()


def test_a_bundle_holds_all_its_lines_in_order() -> None:
    troubles, waiting = Troubles({"bundle": 1.0}), list[str]()
    acts = [act for number in range(10) for act in troubles.on_wire(f"SOC: {number}", waiting)]
    assert acts == [
        "SOC: 0\nSOC: 1\nSOC: 2\nSOC: 3\nSOC: 4",
        "SOC: 5\nSOC: 6\nSOC: 7\nSOC: 8\nSOC: 9",
    ]


def test_without_troubles_nothing_happens() -> None:
    troubles = Troubles({})
    assert [line for old in lines() for line in troubles.on_line(old)] == lines()
    assert troubles.on_wire("SOC: 50", []) == ["SOC: 50"]
    assert troubles.reception() is Behaviour.SERVE


def test_a_rate_is_kept() -> None:
    troubles = Troubles({"drop": 0.1})
    assert 800 < sum(troubles.strikes("drop") for _ in range(10_000)) < 1200


@pytest.mark.parametrize("name", TROUBLES)
def test_each_trouble_can_be_switched_on_by_its_name(name: str) -> None:
    assert parse_trouble(name) == (name, TROUBLES[name].rate)
    assert 0 < TROUBLES[name].rate <= 1
    assert parse_trouble(f"{name}=0.5") == (name, 0.5)


@pytest.mark.parametrize("text", ["nonsense", "drop=", "drop=2", "drop=-1", "drop=nan", "=1"])
def test_what_is_no_trouble_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"trouble|rate"):
        parse_trouble(text)
