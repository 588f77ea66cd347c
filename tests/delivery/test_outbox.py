"""The outbox's file: what is in it after kills, damage, a full disk, and its limit."""

import contextlib
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from tests.support.factories import BATTERY, MCU_ID, OTHER_MCU_ID, fill, open_outbox, snapshot

from bluenova_collector.delivery.outbox import Outbox
from bluenova_collector.delivery.outbox_file import (
    DiskTrouble,
    Operation,
    OutboxFile,
    T,
    Unusable,
)
from bluenova_collector.memory import Memory
from bluenova_tools.chaos.disk import SmallDisk

MEMORY = Memory(
    MCU_ID,
    {MCU_ID: {"energy_in": 12.5}},
    last_end_s=1_800_000_000,
    present=[MCU_ID],
    lost=["AB"],
    cells={MCU_ID: 15},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "outbox.sqlite"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    with SmallDisk(folder, megabytes=20) as disk:
        if not disk.mounted:
            pytest.skip("only root may mount a small file system")
        yield disk


def ids(outbox: Outbox, mcu_id: str = MCU_ID) -> list[str]:
    return [kept.id for kept in outbox.between(0, None, mcu_id, 100_000)]


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


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no database at all": lambda file: file.write_bytes(b"nothing of ours" * 1000),
    "an empty file": lambda file: file.write_bytes(b""),
    "a broken head": lambda file: overwrite(file, 0, b"\xff" * 100),
    "a broken middle": lambda file: overwrite(file, 4096, b"\xff" * 60_000),
    "a cut end": lambda file: os.truncate(file, file.stat().st_size // 2),
}


def overwrite(file: Path, at: int, what: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(at)
        opened.write(what)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_set_aside_and_new_data_kept(
    path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = open_outbox(path)
    list(fill(outbox, 500))
    outbox.close()
    DAMAGES[damage](path)
    before = path.read_bytes()
    again = open_outbox(path)
    again.recall()
    for n in range(1000, 1010):
        again.commit([new := snapshot(n)], MEMORY)
        assert new.id in ids(again)
    again.delete(MCU_ID, ids(again))
    aside = list(path.parent.glob("*.damaged-*"))
    if before:
        assert len([file for file in aside if not file.name.endswith(("-wal", "-shm"))]) == 1
        assert "damaged" in caplog.text
        assert str(aside[0]) in caplog.text
    again.close()
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_of_a_damaged_file_all_that_is_whole_is_saved(path: Path) -> None:
    outbox = open_outbox(path)
    kept = [item.id for item in fill(outbox, 2000)]
    outbox.close()
    overwrite(path, path.stat().st_size // 2 // 4096 * 4096, b"\xff" * 8192)
    again = open_outbox(path)
    saved = ids(again)
    assert again.waiting[MCU_ID] == len(saved)
    again.close()
    assert set(saved) <= set(kept)
    assert len(saved) > 1900, "two pages are lost, and what only they led to"


@pytest.mark.parametrize("seed", range(4))
def test_one_wrong_byte_anywhere_never_keeps_new_data_out(path: Path, seed: int) -> None:
    outbox = open_outbox(path)
    list(fill(outbox, 40))
    outbox.close()
    whole, random = path.read_bytes(), Random(seed)
    for _ in range(100):
        path.write_bytes(whole)
        overwrite(path, random.randrange(len(whole)), random.randbytes(1))
        again = open_outbox(path)
        again.recall()
        again.commit([new := snapshot(99)], MEMORY)
        again.between(0, None, MCU_ID, 1000)
        again.oldest(MCU_ID)
        assert new.id in ids(again)
        assert again.delete(MCU_ID, [str(new.id)]) == 1
        again.close()


def test_a_damaged_file_that_cannot_be_set_aside_is_explained(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"nothing of ours" * 1000)
    Path(f"{path}.new").mkdir()  # where the new file would be made
    with pytest.raises(Unusable, match="cannot be set aside"):
        open_outbox(path)


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


def test_a_saving_that_was_cut_short_is_done_again(path: Path) -> None:
    outbox = open_outbox(path)
    kept = [item.id for item in fill(outbox, 50)]
    outbox.close()
    fresh = Path(f"{path}.new")
    half = open_outbox(fresh)
    list(fill(half, 5))
    half.close()
    overwrite(path, path.stat().st_size - 4096, b"\xff" * 4096)
    again = open_outbox(path)
    assert set(ids(again)) <= set(kept)
    assert len(ids(again)) > 30
    again.close()
    path.rename(fresh)  # and killed between the two renamings
    last = open_outbox(path)
    assert len(ids(last)) > 30
    last.close()


def test_a_damaged_file_without_room_for_another_keeps_all_until_there_is(
    small_disk: SmallDisk,
) -> None:
    path = small_disk.folder / "outbox.sqlite"
    outbox = open_outbox(path)
    kept = [item.id for item in fill(outbox, 2000)]
    outbox.close()
    overwrite(path, path.stat().st_size // 2 // 4096 * 4096, b"\xff" * 4096)
    small_disk.fill()
    again = open_outbox(path)
    assert ids(again) == []
    with pytest.raises(DiskTrouble):
        again.commit([snapshot(3000)], MEMORY)
    small_disk.free()
    again.commit([new := snapshot(3001)], MEMORY)
    assert len(set(ids(again)) & set(kept)) > 1900
    assert ids(again)[-1] == new.id
    assert again.waiting[MCU_ID] == len(ids(again))
    again.close()


def test_values_of_the_wrong_kind_end_nothing(path: Path) -> None:
    outbox = open_outbox(path)
    items = list(fill(outbox, 3))
    outbox.close()
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE outbox SET time_s = 'x' WHERE n = 1")
        db.execute("UPDATE outbox SET time_s = 1 << 60 WHERE n = 2")
        db.execute("UPDATE outbox SET payload = x'7b' WHERE n = 3")
    again = open_outbox(path)
    assert again.oldest(MCU_ID) is None
    again.delete(MCU_ID, [str(items[0].id)])
    assert again.oldest(MCU_ID) is None
    assert len(again.between(0, None, MCU_ID, 10)) == 2
    again.close()


def test_damage_while_it_is_open_costs_neither_the_collector_nor_new_data(path: Path) -> None:
    outbox = open_outbox(path)
    list(fill(outbox, 3000))
    name = outbox.name
    overwrite(path, 4096, b"\xff" * (path.stat().st_size - 4096))
    Path(f"{path}-wal").write_bytes(b"\xff" * 5000)
    for n in range(5000, 5100):
        outbox.commit([snapshot(n)], MEMORY)
        outbox.between(0, None, MCU_ID, 1000)
        outbox.oldest(MCU_ID)
    outbox.close()
    again = open_outbox(path)
    assert again.waiting[MCU_ID] >= 90, "all but those before the damage was noticed"
    assert again.name == name


def test_a_full_disk_is_told_and_forgotten_once_there_is_room(small_disk: SmallDisk) -> None:
    outbox = open_outbox(small_disk.folder / "outbox.sqlite")
    kept = list(fill(outbox, 20))
    small_disk.fill()
    with pytest.raises(DiskTrouble):  # noqa: PT012  # which of them fails is open
        for n in range(20, 2000):
            outbox.commit([item := snapshot(n)], MEMORY)
            kept.append(item)
    assert ids(outbox) == [item.id for item in kept]
    small_disk.free()
    outbox.commit([last := snapshot(5000)], MEMORY)
    assert ids(outbox) == [*(item.id for item in kept), last.id]


def test_an_outbox_that_has_filled_its_disk_itself_lets_go_of_what_is_recorded(
    small_disk: SmallDisk,
) -> None:
    outbox = open_outbox(small_disk.folder / "outbox.sqlite")
    kept = []
    with pytest.raises(DiskTrouble):  # noqa: PT012  # which of them fails is open
        for n in range(0, 1_000_000, 100):
            items = [snapshot(n + more) for more in range(100)]
            outbox.commit(items, MEMORY)
            kept += items
    for first in range(0, len(kept), 100):
        named = [str(item.id) for item in kept[first : first + 100]]
        assert outbox.delete(MCU_ID, named) == 100
    assert not ids(outbox)


def test_a_collector_that_starts_with_a_full_disk_has_its_outbox(small_disk: SmallDisk) -> None:
    path = small_disk.folder / "outbox.sqlite"
    outbox = open_outbox(path)
    kept = list(fill(outbox, 20))
    outbox.close()
    small_disk.fill()
    again = open_outbox(path)
    assert ids(again) == [item.id for item in kept]
    again.close()


def test_a_collector_that_has_no_file_yet_and_a_full_disk_gets_one_once_there_is_room(
    small_disk: SmallDisk,
) -> None:
    path = small_disk.folder / "outbox.sqlite"
    small_disk.fill()
    outbox = open_outbox(path)
    assert outbox.recall() == Memory()
    for n in range(3):
        with pytest.raises(DiskTrouble):
            outbox.commit([snapshot(n)], MEMORY)
    assert outbox.delete(MCU_ID, ["0" * 16]) == 0
    assert not outbox.waiting.total()
    name = outbox.name
    small_disk.free()
    outbox.commit([item := snapshot(5)], MEMORY)
    outbox.close()
    again = open_outbox(path)
    assert ids(again) == [item.id]
    assert again.name == name
    assert again.recall() == MEMORY
    again.close()


def test_where_there_can_be_no_file_it_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unusable, match="File exists"):
        Outbox(tmp_path / "file" / "outbox.sqlite", BATTERY, 1000, time.time)


class Lying(OutboxFile):
    """A file whose disk takes what it says it does not, while `lies`."""

    lies = True

    def add(self, operation: Operation[T]) -> T:
        done = super().add(operation)
        if self.lies:
            self.changes += 1
            raise DiskTrouble("disk I/O error")
        return done


class OnALyingDisk(Outbox):
    def __init__(self, path: Path, limit: int) -> None:
        super().__init__(path, BATTERY, limit, time.time)
        self._file.close()
        self.lying = self._file = Lying(path, time.time)


def test_what_a_disk_took_though_it_said_no_is_counted_once(path: Path) -> None:
    outbox = OnALyingDisk(path, limit=12)
    items = [snapshot(n) for n in range(5)]
    with pytest.raises(DiskTrouble):
        outbox.commit(items, MEMORY)
    outbox.lying.lies = False
    for n in range(5, 12):
        items.append(snapshot(n))
        outbox.commit(items if n == 5 else items[-1:], MEMORY)  # what was not taken comes again
    assert outbox.waiting[MCU_ID] == len(ids(outbox)) == 12
    assert outbox.dropped == 0
    outbox.close()
