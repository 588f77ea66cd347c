"""The rows that the C program wrote are the rows that we write, interval by interval.

`tests/reference/cases` holds console streams (`t` seconds from the connection, `msg`), and
`tests/reference/rows` what the C program made of them. BLUENOVA_REFERENCE names another folder with
the same two in it.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.support.c_program import C_PROGRAM
from tests.support.chain import chain, next_interval
from tests.support.harness import eventually, seconds, stored

from bluenova_collector.console.assembler import Assembler
from bluenova_collector.console.lines import LineSplitter
from bluenova_collector.console.rules import read
from bluenova_shared.table import COLUMNS, row
from bluenova_tools.chaos.verdict import real
from bluenova_tools.local import Database, Mosquitto, Postgres

REFERENCE = Path(os.environ.get("BLUENOVA_REFERENCE") or Path(__file__).parents[1] / "reference")
CASES = sorted(path.stem for path in (REFERENCE / "cases").glob("*.jsonl"))
# How many chains run side by side.
AT_ONCE = 6
INTERVAL_S = 2


@dataclass(frozen=True)
class Interval:
    """What the battery says within an interval, and the row that the C program made of it."""

    messages: list[str]
    row: dict[str, Any] | None


@cache
def intervals(case: str) -> list[Interval]:
    """A row holds the messages up to the first at or after its attempt, since the row before."""
    text = (REFERENCE / "cases" / f"{case}.jsonl").read_text(encoding="utf-8")
    said = [(line["t"], line["msg"]) for line in map(json.loads, text.splitlines())]
    known = json.loads((REFERENCE / "rows" / f"{case}.json").read_text(encoding="utf-8"))
    rows, found = list(known["rows"]), []
    for attempt_s in known["row_attempts_t"]:
        group: list[str] = []
        while said:
            at_s, message = said.pop(0)
            group.append(message)
            if at_s >= attempt_s:
                break
        # An attempt that failed left no row; if none did, rows and attempts go in pairs.
        wrote = rows and abs(rows[0]["insert_time"] - attempt_s) < 0.5
        found.append(Interval(group, rows.pop(0) if wrote else None))
    assert not rows, f"{case}: rows without an attempt"
    assert any(interval.row for interval in found)
    return found


def expected(reference: dict[str, Any]) -> dict[str, Any]:
    return {name: real(reference[name]) for name, _ in C_PROGRAM[1:]}


def test_there_are_streams_to_replay() -> None:
    assert CASES
    assert [path.stem for path in sorted((REFERENCE / "rows").glob("*.json"))] == CASES


@pytest.mark.parametrize("case", CASES)
def test_the_assembler_makes_the_c_programs_rows_of(case: str) -> None:
    assembler = Assembler()
    end = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
    for interval in intervals(case):
        for message in interval.messages:
            splitter = LineSplitter()
            for line in splitter.feed(message.encode("utf-8", "surrogateescape")) + splitter.end():
                assembler.handle(read(line))
        end += timedelta(seconds=10)
        snapshots = assembler.close(end)
        if interval.row is not None:
            (snapshot,) = [s for s in snapshots if s.time == end]
            names = [column.name for column in COLUMNS]
            ours = dict(zip(names, map(real, row(snapshot)), strict=True))
            assert {name: ours[name] for name, _ in C_PROGRAM[1:]} == expected(interval.row)


Replayed = dict[str, tuple[dict[int, Interval], list[dict[str, Any]]]]


@pytest.fixture(scope="module")
def replayed(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replayed]:
    """For each case: its intervals by their end, and the rows that the real chain wrote."""
    databases = {
        case: postgres.create_database(f"reference_{number}") for number, case in enumerate(CASES)
    }
    try:
        with Mosquitto() as broker, ThreadPoolExecutor(AT_ONCE) as pool:
            yield dict(
                pool.map(
                    lambda case: (
                        case,
                        replay(case, tmp_path_factory.mktemp(case), broker, databases[case]),
                    ),
                    CASES,
                )
            )
    finally:
        for database in databases.values():
            postgres.drop_database(database.name)


def replay(
    case: str, folder: Path, broker: Mosquitto, database: Database
) -> tuple[dict[int, Interval], list[dict[str, Any]]]:
    """Sends each group of messages within one interval of ours."""
    by_end: dict[int, Interval] = {}
    with chain(folder, broker, database, name=case, TOPIC_ROOT=case, INTERVAL=INTERVAL_S) as parts:
        battery = parts[0]
        for interval in intervals(case):
            end_s = next_interval(INTERVAL_S)
            battery.say(*interval.messages)
            by_end[end_s] = interval
            assert time.time() < end_s - 1, "this machine is too slow for so short an interval"
        wanted = {end_s for end_s, interval in by_end.items() if interval.row}
        with contextlib.suppress(AssertionError):  # the test shows better what is missing
            eventually(lambda: wanted <= {seconds(row) for row in stored(database)})
        return by_end, stored(database)


@pytest.mark.services
@pytest.mark.slow
@pytest.mark.timeout(900)  # for all streams together, which the first of these tests replays
@pytest.mark.parametrize("case", CASES)
def test_the_real_chain_writes_the_c_programs_rows_of(case: str, replayed: Replayed) -> None:
    by_end, rows = replayed[case]
    ours = {seconds(row): row for row in rows}
    assert len(ours) == len(rows), "one row for each interval"
    assert set(ours) <= set(by_end), "rows at other times than the intervals' ends"
    for end_s, interval in by_end.items():
        if interval.row is not None:
            assert end_s in ours, f"no row for {interval.row}"
            found = {name: real(ours[end_s][name]) for name, _ in C_PROGRAM[1:]}
            assert found == expected(interval.row)
