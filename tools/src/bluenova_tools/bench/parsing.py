"""How fast lines become snapshots, beside the least that any reader does with them."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from bluenova_collector.console.assembler import Assembler
from bluenova_collector.console.rules import read
from bluenova_shared.snapshot import Snapshot
from bluenova_tools.bench.figures import Figure
from bluenova_tools.simulator.battery import Pack, PackSettings
from bluenova_tools.simulator.console import round_of_lines

ROUNDS_OF_LINES = 400
# A battery says all of its values about twice within an interval of ten seconds.
ROUNDS_IN_INTERVAL = 2
SECONDS_OF_ROUND = 5.0
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def rounds_of_lines(many: int, seed: int) -> list[list[str]]:
    """What a battery says in so many rounds; another seed, another story."""
    pack = Pack(PackSettings(seed=seed))
    rounds = []
    for number in range(1, many + 1):
        pack.advance(SECONDS_OF_ROUND)
        rounds.append([line.text for line in round_of_lines(pack, number)])
    return rounds


def parse(rounds: Sequence[Sequence[str]]) -> list[Snapshot]:
    """The snapshots of these lines, as the collector makes them."""
    assembler = Assembler()
    snapshots = list[Snapshot]()
    for number, lines in enumerate(rounds, 1):
        for line in lines:
            assembler.handle(read(line))
        if number % ROUNDS_IN_INTERVAL == 0:
            snapshots += assembler.close(_FIRST + timedelta(seconds=number))
    return snapshots


def decode(messages: Sequence[bytes]) -> list[str]:
    """The bare loop: what was received, as texts."""
    return [message.decode("utf-8", "replace") for message in messages]


def figures(rounds: int) -> Iterator[Figure]:
    """How many lines a second; each round has lines of its own."""
    ours, bare = [], []
    for seed in range(rounds):
        said = rounds_of_lines(ROUNDS_OF_LINES, seed)
        messages = [line.encode("utf-8", "surrogateescape") for lines in said for line in lines]
        began_s = time.process_time()
        parse(said)
        parsed_s = time.process_time()
        decode(messages)
        ours.append(len(messages) / (parsed_s - began_s))
        bare.append(len(messages) / (time.process_time() - parsed_s))
    yield Figure(
        "parse", "parsing alone, lines to snapshot", "lines/s", ours, bare, "decoding alone"
    )
