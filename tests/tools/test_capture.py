"""Captures in their three formats."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluenova_tools.replay.__main__ import read_capture, report
from bluenova_tools.replay.capture import parse_capture, parse_line

CASES = """{"t": 0.15, "msg": "MCU ID: 1A2B3C4D"}
{"t": 0.5, "msg": "SOC: 60"}
"""
OURS = """2026-11-23T12:00:00.123Z INFO Connected to the battery at 127.0.0.1:9000
2026-11-23T12:00:00.250Z INFO RX: "MCU ID: 1A2B3C4D"
2026-11-23T12:00:01.500Z INFO RX: "Errors: \\"RX: \\u00fc\\""
2026-11-23T12:00:02.500Z WARNING Lost the battery
"""
C_PROGRAM = """2026/11/23 12:00:00 Connected to 127.0.0.1
2026/11/23 12:00:01 RX: MCU ID: 1A2B3C4D
2026/11/23 12:00:01 RX: SOC: 60
2026/11/23 12:00:03 RX: Errors: "RX: no"
"""


def heard(text: str) -> list[tuple[float, str]]:
    capture = parse_capture(text.splitlines())
    assert not capture.unreadable
    return [(message.at_s, message.text) for message in capture.heard]


def test_a_case_keeps_its_own_seconds() -> None:
    assert heard(CASES) == [(0.15, "MCU ID: 1A2B3C4D"), (0.5, "SOC: 60")]


def test_our_own_log_holds_lines_as_json_strings() -> None:
    assert heard(OURS) == [(0, "MCU ID: 1A2B3C4D"), (pytest.approx(1.25), 'Errors: "RX: ü"')]
    assert parse_capture(OURS.splitlines()).skipped == 2


def test_the_c_programs_log_holds_raw_lines_that_share_their_second() -> None:
    assert heard(C_PROGRAM) == [(0, "MCU ID: 1A2B3C4D"), (0.5, "SOC: 60"), (2, 'Errors: "RX: no"')]


def test_unreadable_lines_are_named_and_the_rest_is_read() -> None:
    bad = ["what is this", '{"t": 1}', "{broken", "2026-11-23T12:00:00.1Z INFO RX: no string"]
    bad += ['{"t": 1, "msg": "\\ud800"}', "[1]", "2026/13/40 25:61:61 RX: SOC: 1"]
    capture = parse_capture([*bad, *CASES.splitlines(), ""])
    assert len(capture.heard) == 2
    assert [problem.line_number for problem in capture.unreadable] == [1, 2, 3, 4, 5, 6, 7]
    said = report(capture)
    assert any("line 3 is unreadable" in line for line in said)
    assert said[-1] == "7 unreadable lines in all"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 400, "true"])
def test_a_time_that_is_no_finite_number_is_unreadable(number: str) -> None:
    capture = parse_capture([f'{{"t": {number}, "msg": "SOC: 60"}}', '{"t": 1, "msg": "SOC: 61"}'])
    assert [heard.text for heard in capture.heard] == ["SOC: 61"]
    assert [problem.why for problem in capture.unreadable] == [
        'needs a number "t" and a text "msg"'
    ]


def test_one_line_is_told_of_as_one() -> None:
    said = report(parse_capture(["what", OURS.splitlines()[0], OURS.splitlines()[1]]))
    assert said[0] == "1 line within 0 s"
    assert said[1] == "skipped 1 other line of the log"
    assert said[-1] == "1 unreadable line in all"


def test_a_clock_that_was_set_back_makes_no_line_travel_in_time() -> None:
    text = '2026-11-23T12:00:05.0Z INFO RX: "A"\n2026-11-23T11:00:00.0Z INFO RX: "B"\n'
    assert heard(text) == [(0, "A"), (0, "B")]


def test_bad_utf8_in_a_file_is_sent_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "capture.log"
    path.write_bytes(b"2026/11/23 12:00:01 RX: Errors: \xff\x85x\n")
    (message,) = read_capture(path).heard
    assert message.text.encode("utf-8", "surrogateescape") == b"Errors: \xff\x85x"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_line_survives_our_own_log(text: str) -> None:
    read = parse_line(f"2026-11-23T12:00:00.123Z INFO RX: {json.dumps(text)}")
    assert read is not None
    assert read.text == text


@given(st.text())
def test_no_text_raises_anything_but_its_reason(text: str) -> None:
    parse_capture([text, "{" + text, "2026-11-23T12:00:00.123Z RX: " + text])


@pytest.mark.parametrize(
    "in_front",
    [
        "",
        "collector-1  | ",
        "bluenova-collector-12 | ",
        "Nov 25 18:00:00 host bluenova-collector[123]: ",
        "2026-11-25T18:00:00+0000 host python3[7]: ",
    ],
)
def test_what_compose_and_the_journal_put_in_front_does_not_matter(in_front: str) -> None:
    ours = '2026-11-25T17:56:41.298Z INFO RX: "MCU ID: 1A2B3C4D"'
    adc = '2026-11-25T17:56:41.298Z INFO RX: "DEBUG: ADC[0]: 760 = 612"'
    theirs = "2026/11/25 17:56:41 RX: C07) T: 31, V: 3312"
    their_adc = "2026/11/25 17:56:41 RX: DEBUG: ADC[0]: 760 = 612"
    other = "2026-11-25T17:56:42.000Z INFO Connected to the battery at [fd00::1]:9000"
    capture = parse_capture([in_front + line for line in (ours, other)])
    assert [heard.text for heard in capture.heard] == ["MCU ID: 1A2B3C4D"]
    assert (capture.skipped, capture.unreadable) == (1, ())
    assert [h.text for h in parse_capture([in_front + theirs]).heard] == ["C07) T: 31, V: 3312"]
    both = parse_capture([in_front + adc, in_front + their_adc]).heard
    assert [heard.text for heard in both] == 2 * ["DEBUG: ADC[0]: 760 = 612"]
    assert parse_capture([in_front + "what nobody wrote"]).unreadable
