"""Whatever bytes come, in whatever pieces: no error, no growth, and no readable value changed."""

import pickle
import random
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluenova_collector.console.assembler import Assembler
from bluenova_collector.console.lines import LineSplitter
from bluenova_collector.console.rules import (
    COUNTED,
    ENERGY,
    ENERGY_FOLLOWS,
    MCU_ID,
    MOST_REMEMBERED,
    RULES,
    EnergyTotal,
    Named,
    Occurrence,
    Partly,
    read,
)
from bluenova_collector.lru import MAX_BATTERIES
from bluenova_shared.snapshot import ADCS, CELLS, Snapshot
from bluenova_shared.table import COLUMNS

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
PREFIXES = [*RULES, *COUNTED, MCU_ID, ENERGY, ENERGY_FOLLOWS]
# All that one interval can hold of a battery: a few numbers and texts for each column.
MOST_BYTES = MAX_BATTERIES * len(COLUMNS) * 1000

near_misses = st.tuples(
    st.sampled_from(PREFIXES), st.binary(max_size=20) | st.integers().map(lambda n: str(n).encode())
).map(lambda parts: parts[0].encode() + parts[1])
messages = st.lists(st.binary(max_size=60) | near_misses, max_size=30).map(b"\n".join)


def lines_of(message: bytes, cuts: list[int]) -> list[str]:
    """The lines of a message that comes in frames, cut at these places."""
    splitter = LineSplitter()
    ends = sorted({min(cut, len(message)) for cut in cuts} | {0, len(message)})
    lines = []
    for a, b in pairwise(ends):
        lines += splitter.feed(message[a:b])
    return lines + splitter.end()


@given(st.lists(st.tuples(messages, st.lists(st.integers(0, 2000), max_size=8)), max_size=5))
def test_any_bytes_in_any_frames_give_snapshots_that_can_be_stored(
    stream: list[tuple[bytes, list[int]]],
) -> None:
    assembler = Assembler(mcu_id="1A2B3C4D")
    for number, (message, cuts) in enumerate(stream):
        for line in lines_of(message, cuts):
            assembler.handle(read(line))
        for snapshot in assembler.close(NOON + timedelta(seconds=number)):
            assert Snapshot.model_validate_json(snapshot.to_json()) == snapshot
        assembler.connection_lost()


@given(messages, st.lists(st.integers(0, 2000), max_size=8))
def test_no_frames_change_a_value_that_was_readable(message: bytes, cuts: list[int]) -> None:
    """Each value in the snapshot is the last one that a line, read by itself, gave."""
    assembler = Assembler(mcu_id="1A2B3C4D")
    expected: dict[tuple[str, int | None], object] = {}
    named = False
    for line in lines_of(message, cuts):
        said = read(line)
        named = named or isinstance(said, Named)
        if isinstance(said, dict):
            expected |= said
        if isinstance(said, Partly):
            expected |= said.readings
        assembler.handle(read(line))
    snapshots = assembler.close(NOON)
    if named:  # whose a value is, the assembler's own tests ask
        return
    assert snapshots or not expected
    for (field, index), value in expected.items():
        kept = getattr(snapshots[0], field)
        assert (kept if index is None else kept[index]) == value


@given(st.lists(near_misses, max_size=40))
def test_lines_that_are_not_readable_change_nothing(lines: list[bytes]) -> None:
    """With and without them, the snapshots are the same."""
    readable = (dict, Partly, Occurrence, Named, EnergyTotal)
    with_all, without = Assembler(mcu_id="A" * 8), Assembler(mcu_id="A" * 8)
    for line in ("SOC: 50", "Breaker: OPEN", "C01) T: -5, V: 3300"):
        with_all.handle(read(line))
        without.handle(read(line))
    for raw in lines:
        line = raw.decode("utf-8", "replace")
        said = read(line)
        with_all.handle(read(line))
        # An energy total that cannot be read still takes its place in the pair.
        if isinstance(said, readable) or line.startswith((ENERGY, ENERGY_FOLLOWS)):
            without.handle(read(line))
    assert with_all.close(NOON) == without.close(NOON)


MUTATIONS = 7


def random_line(rng: random.Random) -> str:
    """A line that is almost one of the console's, or is one."""
    prefix = rng.choice(PREFIXES)
    number = rng.choice((rng.randint(-40_000, 70_000), rng.uniform(-1e4, 1e4), 10**60))
    line = f"{prefix}{number}"
    match rng.randrange(MUTATIONS):
        case 0:
            line = line[: rng.randrange(len(line) + 1)]
        case 1:
            place = rng.randrange(len(line))
            line = line[:place] + chr(rng.randrange(0x110000 - 0x800) % 0xD800) + line[place + 1 :]
        case 2:
            line = line + rng.choice((" mV", ",5", "\t", "=", '"', "V: ", " = 5.5", "e400"))
        case 3:
            line = f"{prefix}{rng.randrange(1 << 40):X}, V: {rng.randrange(1 << 20)}"
        case 4:
            line = prefix + rng.choice(("", "nan", "inf", "-", ".", "0x5", "1e308", "\x7f"))
        case 5:
            line = line.swapcase()
    return line


class Reader:
    """Splitter and assembler as they work together, fed with random messages of random lines."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        # Making a line takes longer than reading it: a large stock, joined anew each time.
        self.stock = [random_line(rng).encode("utf-8", "replace") for _ in range(50_000)]
        self.assembler, self.splitter = Assembler(), LineSplitter()
        self.lines = self.snapshots = self.messages = 0

    def read(self, messages: int) -> None:
        """A hundred lines in each message, cut anywhere; ten messages in each interval."""
        for _ in range(messages):
            stream = b"\r\n".join(self.rng.choices(self.stock, k=100))
            cut = self.rng.randrange(len(stream))
            self._take(self.splitter.feed(stream[:cut]))
            self._take(self.splitter.feed(stream[cut:]))
            self._take(self.splitter.end())
            self.messages += 1
            if self.messages % 10 == 0:
                end = NOON + timedelta(seconds=self.messages)
                self.snapshots += len(self.assembler.close(end))
            if self.messages % 700 == 0:
                self.assembler.connection_lost()

    def held_bytes(self) -> int:
        """How much the two remember."""
        return len(pickle.dumps((self.assembler, self.splitter)))

    def _take(self, lines: list[str]) -> None:
        self.lines += len(lines)
        for line in lines:
            self.assembler.handle(read(line))


@pytest.mark.slow
def test_a_million_random_lines_pass_in_bounded_memory() -> None:
    reader = Reader(random.Random(20261123))
    began_s = time.monotonic()
    for _ in range(95):
        reader.read(100)
        assert reader.held_bytes() < MOST_BYTES
    tracemalloc.start()  # it makes all slower: for the last lines only
    try:
        # Lines that were said before are remembered and forgotten all at once, many times in each
        # half: what counts is how much the most is.
        reader.read(250)
        before = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        reader.read(250)
        after = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.monotonic() - began_s < 60
    assert reader.lines >= 990_000  # some of the lines are empty, and empty ones are none
    assert reader.snapshots > 1000
    assert after < before + 500_000
    assert after < MOST_BYTES


@pytest.mark.parametrize(
    ("lines", "rest", "bound"),
    [
        pytest.param(4 * MOST_REMEMBERED, "", MOST_REMEMBERED * 800, id="short lines"),
        pytest.param(MOST_REMEMBERED, " " * 2000, 100_000, id="nothing of long lines"),
    ],
)
def test_what_is_remembered_of_lines_is_bounded(lines: int, rest: str, bound: int) -> None:
    tracemalloc.start()
    try:
        for number in range(lines):
            read(f"C01) T: 20, V: {number}{rest}")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < bound


def test_lines_that_vary_take_the_place_of_no_other() -> None:
    line = "Current: -12.34"
    said = read(line)
    for number in range(2 * MOST_REMEMBERED):
        read(f"DEBUG: ADC[4]: 2960 = {number}.140")
    assert read(line) is said


def test_what_is_known_of_garbage_batteries_is_bounded() -> None:
    """An endless stream of new names, values and totals, without and with intervals' ends."""
    rng = random.Random(1)
    assembler = Assembler()
    tracemalloc.start()
    try:
        for number in range(4_000):
            assembler.handle(read(f"MCU ID: {rng.randrange(1, 1 << 32):X}"))
            assembler.handle(read(ENERGY_FOLLOWS))
            assembler.handle(read(f"{ENERGY}{number}"))
            assembler.handle(read(f"C{number % CELLS + 1:02}) T: {number % 99}, V: {number}"))
            assembler.handle(read(f"DEBUG: ADC[{number % ADCS}]: 1 = {number}"))
            if number > 2_000 and number % 100 == 0:
                assert len(assembler.close(NOON + timedelta(seconds=number))) <= MAX_BATTERIES
        grown = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(assembler.totals) <= MAX_BATTERIES
    assert grown < MAX_BATTERIES * 20_000 + MOST_REMEMBERED * 800
