"""The console's connection against real sockets: every way in which a battery can let us down.

All stories run side by side: first a battery behaves badly for a while, then well.
"""

import asyncio
import logging
from collections.abc import Awaitable

import pytest
from tests.support.scenarios import (
    GOOD,
    RECOVERY_S,
    Listening,
    Story,
    accepts_nothing,
    badly,
    drops_after_each_line,
    pours,
    redirects,
    says,
    sends_raw,
    sends_raw_and_stays,
)
from websockets.frames import Frame, Opcode

from bluenova_collector.console.connection import SAME_CHANGES
from bluenova_collector.console.websocket import CLOSE_WITHIN_S
from bluenova_tools.simulator.acts import Fragments
from bluenova_tools.simulator.behaviour import Behaviour


def frame(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=False)


@pytest.fixture(scope="module")
def told() -> dict[str, Story]:
    """Every story, by its name."""
    stories: dict[int, Story] = {}

    async def run() -> dict[str, Story]:
        running: dict[str, Awaitable[Story]] = {
            behaviour.value: badly(behaviour, stories)
            for behaviour in Behaviour
            if behaviour is not Behaviour.SERVE
        }
        big = b"x" * (2**20 + 1)
        running |= {
            "redirects": redirects(stories),
            "accepts-nothing": accepts_nothing(stories),
            "drops-after-each-line": drops_after_each_line(stories),
            "pours": pours(stories),
            "fragments": says(stories, Fragments(("SO", b"", "C: ", "5\r", "\nTe", "mp: 3"))),
            "split-character": says(stories, Fragments((b"caf\xc3", b"\xa9"))),
            "binary": says(stories, b"SOC: 5", b"\xff\xfe"),
            "several": says(stories, "SOC: 5\r\nTemp: 3\nSOH: 9\0"),
            "bad-utf8": says(stories, "SOC: 5\udcff", "\udc80\udcff"),
            "long-message": says(stories, Fragments([b"y" * 60_000] * 50), "SOC: 5"),
            "frame-of-1-MiB": says(stories, big[:-1].decode(), "SOC: 5"),
            "frame-over-1-MiB": sends_raw_and_stays(stories, frame(Opcode.TEXT, big)),
            "fragment-over-1-MiB": sends_raw_and_stays(
                stories, frame(Opcode.TEXT, b"SOC: 5\n", fin=False) + frame(Opcode.CONT, big)
            ),
            "broken-frames": sends_raw_and_stays(stories, b"\xff" * 100),
            "close-frame": sends_raw_and_stays(stories, frame(Opcode.CLOSE, b"\x03\xe8")),
            "masked-frame": sends_raw_and_stays(
                stories, Frame(Opcode.TEXT, b"SOC: 5").serialize(mask=True)
            ),
            "oversized-ping": sends_raw_and_stays(
                stories, b"\x89\x7e" + (200).to_bytes(2, "big") + b"x" * 200
            ),
            "close-frame-and-more-lines": sends_raw_and_stays(
                stories, frame(Opcode.CLOSE, b"\x03\xe8") + frame(Opcode.TEXT, b"SOC: 5"), times=50
            ),
            "endless-message": sends_raw(
                stories,
                frame(Opcode.TEXT, b"", fin=False) + frame(Opcode.CONT, b"x" * 1000, fin=False),
                times=3,
            ),
        }
        return dict(zip(running, await asyncio.gather(*running.values()), strict=True))

    logger = logging.getLogger("bluenova_collector.console.connection")
    listening = Listening(stories)
    logger.addHandler(listening)
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        return asyncio.run(run())
    finally:
        logger.removeHandler(listening)
        logger.setLevel(level)


CONNECTED = "Connected"


def kinds(story: Story) -> list[str]:
    """The log's lines by their first words."""
    return [line.partition(" the battery")[0].removesuffix(" to") for line in story.said]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("silent", "silent for 0.8 s"),
        ("half-open", "silent for 0.8 s"),
        ("never-answer", "no answer to the connection request within 0.8 s"),
        ("404", "404"),
        ("flap", "closed the connection"),
        ("refuse", "refused|Connect call failed"),
        ("redirects", "302"),
    ],
)
class TestABatteryThat:
    def test_misbehaves_is_heard_again_in_time(
        self, name: str, reason: str, told: dict[str, Story]
    ) -> None:
        assert told[name].recovered_after_s < RECOVERY_S, told[name].said

    def test_misbehaves_is_logged_once_with_the_reason(
        self, name: str, reason: str, told: dict[str, Story]
    ) -> None:
        story = told[name]
        named = [line for line in story.said if any(word in line for word in reason.split("|"))]
        assert named, story.said
        reached = name in ("silent", "half-open", "flap")
        # Each accepted connection is a change of its own; one that is never accepted is not.
        assert len(named) <= (3 if reached else 1), story.said
        assert all("next attempt in" in line for line in named)

    def test_misbehaves_does_not_fill_the_log(
        self, name: str, reason: str, told: dict[str, Story]
    ) -> None:
        assert len(told[name].said) <= 8, told[name].said

    def test_misbehaves_is_not_hammered(
        self, name: str, reason: str, told: dict[str, Story]
    ) -> None:
        # 1, 1 and 2 s between the attempts, and some of them take a while to fail.
        assert told[name].attempts <= 5


@pytest.mark.parametrize("name", ["never-answer", "404", "refuse", "redirects"])
def test_one_that_never_accepted_us_is_told_and_then_that_it_does(
    name: str, told: dict[str, Story]
) -> None:
    assert kinds(told[name]) == ["Cannot reach", CONNECTED]


@pytest.mark.parametrize("name", ["silent", "half-open", "flap"])
def test_of_one_that_accepts_us_each_change_is_told_until_it_recurs_too_often(
    name: str, told: dict[str, Story]
) -> None:
    said = kinds(told[name])
    connections = min(told[name].attempts, SAME_CHANGES)
    assert connections >= 2
    in_turn = [CONNECTED, "Lost"] * connections
    assert said[: 2 * connections - 1] == in_turn[:-1]
    assert said.count(CONNECTED) == connections


def test_a_redirect_is_not_followed(told: dict[str, Story]) -> None:
    assert told["redirects"].attempts == 0, "attempts at the place that it leads to"
    assert "SOC: 1" not in told["redirects"].heard


def test_a_port_that_nobody_serves_ends_at_the_handshakes_deadline(told: dict[str, Story]) -> None:
    assert told["accepts-nothing"].lost >= 2
    assert kinds(told["accepts-nothing"]) == ["Cannot reach"]


def test_a_battery_that_drops_each_connection_costs_a_line_a_change_and_no_flood(
    told: dict[str, Story],
) -> None:
    story = told["drops-after-each-line"]
    assert 3 <= story.lost <= 10, "a second between the attempts"
    assert len(story.heard) >= 3, "what it says between the drops is heard"
    assert len(story.said) <= 8


def test_pouring_without_a_pause_leaves_time_for_other_work(told: dict[str, Story]) -> None:
    story = told["pours"]
    assert len(story.heard) > 500
    assert story.heard[-1] == GOOD
    assert kinds(story) == [CONNECTED]
    assert story.other_work > 10


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        pytest.param("fragments", ["SOC: 5", "Temp: 3"], id="in fragments are put together"),
        pytest.param("split-character", ["café"], id="cut within a character are put together"),
        pytest.param("binary", ["SOC: 5", "\ufffd\ufffd"], id="in binary frames are text"),
        pytest.param("several", ["SOC: 5", "Temp: 3", "SOH: 9"], id="in one message are all read"),
        pytest.param(
            "bad-utf8", ["SOC: 5\ufffd", "\ufffd\ufffd"], id="in bad UTF-8 keep what can be read"
        ),
        pytest.param("long-message", ["y" * 4096, "SOC: 5"], id="without an end are cut to 4 KiB"),
        pytest.param("frame-of-1-MiB", ["x" * 4096, "SOC: 5"], id="in one frame of 1 MiB, too"),
    ],
)
def test_lines(name: str, lines: list[str], told: dict[str, Story]) -> None:
    story = told[name]
    assert story.heard[: len(lines)] == lines
    assert (story.attempts, kinds(story)) == (1, [CONNECTED])


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("frame-over-1-MiB", "we closed it (1009"),
        ("fragment-over-1-MiB", "we closed it (1009"),
        ("broken-frames", "we closed it (1002"),
        ("close-frame", "it closed the connection (1000"),
        ("masked-frame", "we closed it (1002"),
        ("oversized-ping", "we closed it (1002"),
        ("close-frame-and-more-lines", "it closed the connection (1000"),
        ("endless-message", "we closed it (1002"),
    ],
)
def test_what_cannot_be_read_costs_the_connection_and_no_more_and_the_log_says_why(
    name: str, why: str, told: dict[str, Story]
) -> None:
    story = told[name]
    assert story.attempts == 2
    assert story.recovered_after_s < RECOVERY_S + CLOSE_WITHIN_S
    assert kinds(story) == [CONNECTED, "Lost", CONNECTED]
    assert why in story.said[1]


def test_lines_before_a_frame_that_cannot_be_read_are_heard(told: dict[str, Story]) -> None:
    assert told["fragment-over-1-MiB"].heard[0] == "SOC: 5"
