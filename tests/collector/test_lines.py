"""The splitter: lines out of messages that come in any pieces."""

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluenova_collector.console.lines import LineSplitter

CAP = 4096

# Pieces of a console's stream: mostly short, with all that can end a line among them.
streams = st.binary(max_size=300) | st.text("aZ:0 \r\n\0é", max_size=300).map(str.encode)


def split(*pieces: bytes) -> list[str]:
    """The lines of one message that comes in these pieces."""
    splitter = LineSplitter()
    lines = [line for piece in pieces for line in splitter.feed(piece)]
    return lines + splitter.end()


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """The stream in pieces, cut at these places."""
    ends = sorted({min(place, len(stream)) for place in places} | {0, len(stream)})
    return [stream[a:b] for a, b in pairwise(ends)]


@given(streams, st.lists(st.integers(0, 300), max_size=20))
def test_cutting_a_stream_anywhere_gives_the_same_lines(stream: bytes, places: list[int]) -> None:
    assert split(*cut(stream, places)) == split(stream)


@given(st.integers(CAP - 3, CAP + 3), st.lists(st.integers(0, CAP + 3), max_size=5))
def test_cutting_a_long_line_anywhere_gives_the_same_lines(length: int, places: list[int]) -> None:
    stream = b"x" * length + b"\nSOC: 5"
    assert split(*cut(stream, places)) == ["x" * min(length, CAP), "SOC: 5"]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1)))
def test_what_was_joined_is_taken_apart_again(lines: list[str]) -> None:
    assert split("\r\n".join(lines).encode()) == lines


@pytest.mark.parametrize(
    ("stream", "lines"),
    [
        pytest.param(b"SOC: 5", ["SOC: 5"], id="a message without a line ending is a line"),
        pytest.param(b"SOC: 5\n", ["SOC: 5"], id="LF is dropped"),
        pytest.param(b"SOC: 5\r\n", ["SOC: 5"], id="CR LF is dropped"),
        pytest.param(b"SOC: 5\r\n\0", ["SOC: 5"], id="NUL behind the line ending is dropped"),
        pytest.param(b"SOC: 5\0", ["SOC: 5"], id="NUL is dropped"),
        pytest.param(b"A\nB\r\nC\rD", list("ABCD"), id="several lines in one message"),
        pytest.param(b"\n\r\n\0\0\n", [], id="empty lines are none"),
        pytest.param(b"", [], id="an empty message is no line"),
        pytest.param(b"  A  \n", ["  A  "], id="blanks stay"),
        pytest.param(b"A\x0b\x0cB", ["A\x0b\x0cB"], id="other ends of lines are none"),
        pytest.param(b"a\xffb\n", ["a\ufffdb"], id="a bad byte is replaced"),
        pytest.param(b"caf\xc3\xa9", ["café"], id="UTF-8 is read"),
        pytest.param(b"a\xc3\nb", ["a\ufffd", "b"], id="half a character ends with its line"),
    ],
)
def test_lines(stream: bytes, lines: list[str]) -> None:
    assert split(stream) == lines
    assert split(*cut(stream, list(range(len(stream))))) == lines


def test_a_message_does_not_go_on_in_the_next_one() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"SO") + splitter.end() == ["SO"]
    assert splitter.feed(b"C: 5") + splitter.end() == ["C: 5"]


def test_a_line_over_the_limit_loses_its_end_and_nothing_else() -> None:
    assert split(b"x" * CAP * 3 + b"\nSOC: 5") == ["x" * CAP, "SOC: 5"]


def test_a_line_without_an_end_takes_no_more_memory_than_its_limit() -> None:
    splitter = LineSplitter()
    piece = b"x" * 65536
    tracemalloc.start()
    for _ in range(500):
        assert splitter.feed(piece) == []
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 4 * CAP
    assert splitter.end() == ["x" * CAP]
