"""How many calls and steps our code takes for a fixed input: what is slow, counted, on any machine.

    .venv/bin/python -m tests.support.calls

counts, and writes the baseline that tests/house/test_calls.py holds the code to. It counts in a
process of its own, as what is remembered from before would spare calls.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from bluenova_collector.console.lines import LineSplitter
from bluenova_recorder.batch import Batch, Entry
from bluenova_recorder.insert import copy_line, json_rows
from bluenova_recorder.intake import judge
from bluenova_recorder.receipts import Receipts
from bluenova_recorder.store import Written
from bluenova_shared.message import Message
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.table import row
from bluenova_shared.topics import Topics
from bluenova_shared.wire import chunk_json, to_chunk_json
from bluenova_tools.bench.parsing import parse, rounds_of_lines
from bluenova_tools.bench.pour import FIRST, pattern

BASELINE = Path(__file__).parents[1] / "house" / "calls.json"
RENEW = ".venv/bin/python -m tests.support.calls"
ROUNDS_OF_LINES = 40
MESSAGES = 200
ITEMS_OF_CHUNK = 50
TOPICS = Topics()


def snapshots() -> list[Snapshot]:
    one = pattern()
    return [
        one.model_copy(update={"time": FIRST + timedelta(seconds=10 * n), "id": f"{n:016x}"})
        for n in range(MESSAGES)
    ]


def record(messages: Sequence[Message]) -> None:
    """All that the recorder does with messages, but for what the database and the broker do."""
    batch = Batch(rows=len(messages), age_s=1)
    for message in messages:
        judged = judge(message, TOPICS)
        batch.add([*judged.items, *judged.rejected], 0, at_once=judged.is_chunk)
    taken: Sequence[Entry] = batch.drain()
    stored = [entry for entry in taken if isinstance(entry, Snapshot)]
    assert len(stored) == MESSAGES
    rows = [row(snapshot) for snapshot in stored]
    for cells in rows:
        copy_line(cells)
    json_rows(rows[:20])
    owed = Receipts()
    owed.owe(Written(recorded=[*stored]), 0, at_once=False)
    for _, receipt in owed.due(0, is_busy=False):
        receipt.to_json()


def split(messages: Sequence[bytes]) -> None:
    splitter = LineSplitter()
    for message in messages:
        splitter.feed(message)
        splitter.end()


def calls(work: Callable[[], object]) -> int:
    """The calls of Python's functions and of C's."""
    made = 0

    def see(_frame: FrameType, event: str, _about: object) -> None:
        nonlocal made
        made += event in ("call", "c_call")

    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
    return made


def steps(work: Callable[[], object]) -> int:
    """The instructions of Python's own machine."""
    taken = 0

    def see(frame: FrameType, event: str, _about: object) -> Any:
        nonlocal taken
        frame.f_trace_opcodes = True
        taken += event == "opcode"
        return see

    for one in (lambda: None, work):  # Python 3.12 begins to tell with the second
        taken = 0
        sys.settrace(see)
        try:
            one()
        finally:
            sys.settrace(None)
    return taken


def works(seed: int) -> Iterator[tuple[str, int, Callable[[], object]]]:
    """Each work's name, of how many pieces it is, and the work itself.

    With another seed the console says other lines; the messages are the same.
    """
    said = rounds_of_lines(ROUNDS_OF_LINES, seed)
    encoded = [line.encode("utf-8", "surrogateescape") for one in said for line in one]
    yield "lines to snapshots, a line", len(encoded), lambda: parse(said)
    yield "messages to lines, a message", len(encoded), lambda: split(encoded)
    live = [Message(TOPICS.snapshot(one.mcu_id), one.to_json().encode()) for one in snapshots()]
    yield "live messages to rows, a row", MESSAGES, lambda: record(live)
    items = [to_chunk_json(one).encode() for one in snapshots()]
    parts = [items[start : start + ITEMS_OF_CHUNK] for start in range(0, MESSAGES, ITEMS_OF_CHUNK)]
    backlog = TOPICS.backlog(pattern().mcu_id)
    chunks = [Message(backlog, chunk_json(part)) for part in parts]
    yield "chunks to rows, a row", MESSAGES, lambda: record(chunks)


def counts() -> dict[str, dict[str, float]]:
    """The calls of each work for a piece of it, and the steps for one of another such work.

    The same lines a second time would be remembered, and not read.
    """
    return {
        name: {"calls": round(calls(work) / of, 1), "steps": round(steps(another) / of_another, 1)}
        for (name, of, work), (_, of_another, another) in zip(works(1), works(2), strict=True)
    }


def main() -> None:
    """Writes the baseline, or with `--print` tells the counts."""
    told = json.dumps(counts(), indent=1) + "\n"
    if "--print" in sys.argv[1:]:
        sys.stdout.write(told)
    else:
        BASELINE.write_text(told, encoding="utf-8")


if __name__ == "__main__":
    main()
