"""The benchmark: what it makes of measurements, and that it measures. It asserts no speed."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from psycopg2 import extensions as pg
from tests.support.factories import snapshot

from bluenova_recorder.insert import copy_line
from bluenova_recorder.schema import prepare
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.table import row
from bluenova_tools.bench import bare_copy, services
from bluenova_tools.bench.figures import Figure, number, table, to_json
from bluenova_tools.bench.kernel import cpu_s, memory_mb, written_bytes
from bluenova_tools.bench.latency import quantile
from bluenova_tools.bench.pour import BATTERIES, Snapshots, pour_into
from bluenova_tools.bench.recorder import highest, most
from bluenova_tools.bench.rows import count_rows, is_there
from bluenova_tools.local import Database, Mosquitto

Copy = Callable[[pg.connection, Sequence[bytes]], None]


def figure(*ours: float, beside: tuple[float, ...] = ()) -> Figure:
    return Figure("part", "name", "us", ours, beside, "the bare loop")


def test_the_ratio_is_the_median_of_the_rounds_ratios() -> None:
    one = figure(10, 100, 30, beside=(10, 20, 6))
    assert one.median == 30
    assert one.median_beside == 10
    assert one.ratio == 5  # of 1, 5 and 5


def test_one_limit_holds_for_all_rounds() -> None:
    assert figure(1, 2, 4, beside=(4,)).ratio == 0.5


@pytest.mark.parametrize("beside", [(), (0, 0)], ids=["nothing beside it", "a loop that took none"])
def test_without_anything_to_compare_with_there_is_no_ratio(beside: tuple[float, ...]) -> None:
    assert figure(1, 2, beside=beside).ratio is None


def test_rounds_that_do_not_match_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="zip"):
        assert figure(1, 2, 3, beside=(1, 2)).ratio


def test_the_table_has_a_line_for_each_figure() -> None:
    shown = table([figure(1000, 1200, 1400, beside=(100, 100, 100)), figure(0.5)])
    assert shown.splitlines() == [
        "          ours  beside it  ratio",
        "name  1,200 us     100 us   12.0  the bare loop",
        "name   0.50 us                    the bare loop",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.034, "0.03"), (9.876, "9.88"), (55.55, "55.5"), (123456.7, "123,457")],
)
def test_a_number_has_about_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_the_json_has_the_values_of_all_rounds() -> None:
    (told,) = json.loads(to_json([figure(1, 2, 6, beside=(1, 1, 1))]))
    assert told == {
        "part": "part",
        "name": "name",
        "unit": "us",
        "ours": 2,
        "beside": 1,
        "what": "the bare loop",
        "ratio": 2,
        "rounds_ours": [1, 2, 6],
        "rounds_beside": [1, 1, 1],
    }


@pytest.mark.parametrize("most_good", [0, 1, 5, 30, 40, 99])
def test_the_highest_rung_that_is_good(most_good: int) -> None:
    ladder = (1, 5, 10, 20, 30, 40)
    found = highest(ladder, lambda rung: rung <= most_good, tries=3)
    assert found == max((rung for rung in ladder if rung <= most_good), default=0)


@pytest.mark.parametrize(
    ("tries", "said", "asked"),
    [([1, 1, 0], True, 2), ([0, 0, 1], False, 2), ([1, 0, 1], True, 3), ([0, 1, 0], False, 3)],
)
def test_two_tries_of_three_decide(tries: list[int], said: bool, asked: int) -> None:
    left = list(tries)
    assert most(lambda: bool(left.pop(0)), 3) is said
    assert len(tries) - len(left) == asked


@pytest.mark.parametrize(("part", "found"), [(0.5, 50), (0.99, 99), (1, 100), (0.001, 1)])
def test_a_quantile(part: float, found: int) -> None:
    assert quantile(list(range(100, 0, -1)), part) == found


def test_the_processor_time_is_that_of_the_process() -> None:
    before_s, own_s = cpu_s(os.getpid()), time.process_time()
    while time.process_time() < own_s + 0.1:
        pass
    assert 0.1 <= cpu_s(os.getpid()) - before_s < 1


def test_what_a_child_wrote_counts_when_it_has_ended_too(tmp_path: Path) -> None:
    before = written_bytes(os.getpid())
    write = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_bytes(b'x' * 10**6)"
    subprocess.run([sys.executable, "-c", write, tmp_path / "file"], check=True)
    assert 1e6 <= written_bytes(os.getpid()) - before < 2e6


def test_memory_is_in_megabytes() -> None:
    before_mb = memory_mb(os.getpid())
    held = bytearray(os.urandom(30 * 2**20))
    assert 20 < memory_mb(os.getpid()) - before_mb < 40
    assert held


def test_what_is_poured_are_snapshots_each_with_a_key_of_its_own() -> None:
    made = Snapshots()
    first, packets = made.packets("here", 250)
    later, more = made.packets("here", 1)
    payloads = [packet[packet.index(b"{") :] for packet in (*packets, *more)]
    snapshots = [Snapshot.model_validate_json(payload) for payload in payloads]
    assert len({(one.mcu_id, one.time) for one in snapshots}) == 251
    assert {one.time >= first for one in snapshots} == {True}
    assert [one.time >= later for one in snapshots].count(True) == 1
    assert len({one.mcu_id for one in snapshots}) == BATTERIES
    assert all(
        f"here/{one.mcu_id}/snapshot".encode() in p
        for one, p in zip(snapshots, packets, strict=False)
    )


@pytest.mark.services
def test_the_bare_loop_counts_all_that_is_poured(mosquitto: Mosquitto, tmp_path: Path) -> None:
    words = (mosquitto.host, str(mosquitto.port), "here/+/snapshot")
    module = "bluenova_tools.bench.bare_mqtt"
    _, packets = Snapshots().packets("here", 300)
    with (
        services.BareLoop(module, words, folder=tmp_path) as bare,
        pour_into(mosquitto) as pour,
    ):
        began_s = time.monotonic()
        pour.send(packets, rate=1000)
        assert time.monotonic() - began_s >= 0.29
        services.wait_for(lambda: bare.count() == 300, timeout_s=10)


@pytest.mark.services
def test_the_bare_loop_counts_a_batterys_lines(tmp_path: Path) -> None:
    module = "bluenova_tools.bench.bare_console"
    with (
        services.Battery(tmp_path, 500) as battery,
        services.BareLoop(module, [battery.uri], folder=tmp_path) as bare,
    ):
        services.wait_for(lambda: bare.count() > 100, timeout_s=10)


def bench(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bluenova_tools.bench", *arguments],
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.services
@pytest.mark.parametrize("copy", [bare_copy.copy_straight, bare_copy.copy_through_stage])
def test_the_bare_loop_copies_the_recorders_lines(copy: Copy, database: Database) -> None:
    snapshots = [snapshot(n) for n in range(30)]
    lines = [copy_line(row(one)) for one in snapshots]
    with contextlib.closing(database.connect()) as db:
        prepare(db)
        copy(db, [b"".join(lines[:20]), b"".join(lines[20:])])
        assert count_rows(db) == len(snapshots)
        assert is_there(db, snapshots[-1])


def test_a_part_of_it_runs_by_itself() -> None:
    done = bench("--json", ONLY="parse", ROUNDS="1")
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)
    assert told["part"] == "parse"
    assert told["ours"] > 0
    assert told["beside"] > 0


def test_a_part_that_there_is_not_is_told() -> None:
    done = bench(ONLY="parse,nonsense")
    assert done.returncode == 2
    assert "'nonsense' is not one of parse, collector" in done.stderr
