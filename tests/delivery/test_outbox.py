"""The outbox's file: what is in it after kills, and its limit."""

import contextlib
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.support.factories import BATTERY, MCU_ID, OTHER_MCU_ID, fill, open_outbox, snapshot
from tests.support.outboxes import MEMORY, ids

from bluenova_collector.delivery.outbox import Outbox
from bluenova_collector.delivery.outbox_file import Unusable
from bluenova_collector.memory import Memory
from bluenova_tools.bench.kernel import written_bytes


def test_items_and_memory_are_there_after_it_was_closed(path: Path) -> None:
    items = [snapshot(n) for n in range(3)]
    outbox = open_outbox(path)
    outbox.commit(items, MEMORY)
    name = outbox.name
    outbox.close()
    again = open_outbox(path)
    assert ids(again) == [item.id for item in items]
    assert again.recall() == MEMORY
    assert again.name == name
    assert again.waiting[MCU_ID] == 3
    assert again.oldest(MCU_ID) == items[0].time


def test_a_snapshot_and_its_receipt_wear_the_disk_little(path: Path) -> None:
    """Bytes written are counted, and the same on any machine."""
    outbox = open_outbox(path)
    before = written_bytes(os.getpid())
    for n in range(100):
        one = snapshot(n)
        outbox.commit([one], MEMORY)
        assert outbox.delete(one.mcu_id, [str(one.id)]) == 1
    assert (written_bytes(os.getpid()) - before) / 100 < 12_000


def test_the_receipts_of_a_long_outbox_wear_the_disk_little(path: Path) -> None:
    """Nothing is written over what is deleted: with zeros it is ten times as much."""
    outbox = open_outbox(path)
    items = list(fill(outbox, 10_000))
    before = written_bytes(os.getpid())
    for start in range(0, 5000, 250):
        outbox.delete(MCU_ID, [str(item.id) for item in items[start : start + 250]])
    assert (written_bytes(os.getpid()) - before) / 5000 < 500


@pytest.mark.parametrize("page_bytes", [1024, 2048, 4096, 65536])
def test_the_log_of_changes_grows_to_4_mib_in_an_older_file_too(
    path: Path, page_bytes: int
) -> None:
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as older:
        older.execute(f"PRAGMA page_size = {page_bytes}")
        older.execute("VACUUM")
    outbox = open_outbox(path)
    for _ in fill(outbox, 15_000, at_once=50):
        pass
    assert 3.9 < Path(f"{path}-wal").stat().st_size / 2**20 < 5.2
    outbox.close()
    with contextlib.closing(sqlite3.connect(path)) as older:
        assert older.execute("PRAGMA page_size").fetchone() == (page_bytes,)


@pytest.mark.slow
def test_what_was_committed_is_there_after_a_kill_and_nothing_in_part(path: Path) -> None:
    program = f"""
from pathlib import Path
from tests.support.factories import fill, open_outbox
for item in fill(open_outbox(Path({str(path)!r})), 1_000_000, at_once=7):
    print(item.id, flush=True)
"""
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            told = [child.stdout.readline().strip() for _ in range(200)]
            child.send_signal(signal.SIGKILL)
        outbox = open_outbox(path)
        found = ids(outbox)
        assert set(told) <= set(found)
        assert len(found) % 7 == 0
        assert outbox.delete(MCU_ID, found) == len(found)
        outbox.close()


def test_deleting_takes_what_is_named_and_nothing_of_another_battery(path: Path) -> None:
    outbox = open_outbox(path)
    ours, theirs = snapshot(1), snapshot(1, OTHER_MCU_ID)
    outbox.commit([ours, theirs, snapshot(2)], MEMORY)
    assert outbox.delete(MCU_ID, [str(ours.id), str(theirs.id), "0" * 16]) == 1
    assert outbox.delete(MCU_ID, [str(ours.id)]) == 0
    assert outbox.waiting == {MCU_ID: 1, OTHER_MCU_ID: 1}
    assert ids(outbox, OTHER_MCU_ID) == [theirs.id]


def test_a_number_never_comes_again(path: Path) -> None:
    outbox = open_outbox(path)
    (first,) = outbox.commit([item := snapshot()], MEMORY)
    outbox.delete(MCU_ID, [str(item.id)])
    outbox.close()
    (second,) = open_outbox(path).commit([snapshot(1)], MEMORY)
    assert second > first


def test_the_oldest_go_first_over_the_limit_loudly_and_counted(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = open_outbox(path, limit=100)
    items = list(fill(outbox, 250, at_once=10))
    assert ids(outbox) == [item.id for item in items[-100:]]
    assert outbox.dropped == 150
    assert outbox.waiting[MCU_ID] == 100
    errors = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "OUTBOX_LIMIT=100" in errors[0].getMessage()


def test_a_lower_limit_holds_at_the_next_commit(path: Path) -> None:
    outbox = open_outbox(path)
    list(fill(outbox, 50))
    outbox.close()
    lower = open_outbox(path, limit=10)
    lower.commit([newest := snapshot(99)], MEMORY)
    assert len(ids(lower)) == 10
    assert ids(lower)[-1] == newest.id


def test_another_battery_starts_without_the_memory_and_keeps_the_items(path: Path) -> None:
    outbox = open_outbox(path)
    outbox.commit([item := snapshot()], MEMORY)
    outbox.close()
    moved = open_outbox(path, battery="10.9.9.9:9000")
    assert moved.recall() == Memory()
    assert ids(moved) == [item.id]


def test_a_second_collector_on_the_same_file_is_refused(path: Path) -> None:
    keeper = open_outbox(path)
    with pytest.raises(Unusable, match="another collector uses it"):
        open_outbox(path)
    keeper.close()


def test_items_set_aside_are_kept_and_out_of_the_way(path: Path) -> None:
    outbox = open_outbox(path)
    items = list(fill(outbox, 10))
    bad = outbox.between(0, None, MCU_ID, 3)
    outbox.set_items_aside(bad)
    assert ids(outbox) == [item.id for item in items[3:]]
    assert outbox.waiting[MCU_ID] == 7
    outbox.close()
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT id FROM damaged").fetchall() == [(one.id,) for one in bad]


def test_where_there_can_be_no_file_it_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unusable, match="File exists"):
        Outbox(tmp_path / "file" / "outbox.sqlite", BATTERY, 1000, time.time)
