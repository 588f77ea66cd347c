"""The outbox's file on a disk that is full, or that lies."""

import errno
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.factories import BATTERY, MCU_ID, fill, open_outbox, snapshot
from tests.support.outboxes import MEMORY, PAGE_BYTES, ids, overwrite, page_of_items

from bluenova_collector.delivery.damage import disk_fails
from bluenova_collector.delivery.outbox import Outbox
from bluenova_collector.delivery.outbox_file import DiskTrouble, OutboxFile, T
from bluenova_collector.memory import Memory
from bluenova_tools.chaos.disk import SmallDisk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    with SmallDisk(folder, megabytes=20) as disk:
        if not disk.mounted:
            pytest.skip("only root may mount a small file system")
        yield disk


def test_a_damaged_file_without_room_for_another_keeps_all_until_there_is(
    small_disk: SmallDisk,
) -> None:
    path = small_disk.folder / "outbox.sqlite"
    outbox = open_outbox(path)
    kept = [item.id for item in fill(outbox, 2000)]
    outbox.close()
    overwrite(path, page_of_items(path), b"\xff" * PAGE_BYTES)
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


@pytest.mark.parametrize(
    ("number", "may_pass"), [(errno.ENOSPC, True), (errno.EIO, True), (errno.EACCES, False)]
)
def test_a_folder_that_cannot_be_made_may_be_possible_once_there_is_room(
    number: int, may_pass: bool
) -> None:
    assert disk_fails(OSError(number, "why")) is may_pass


class Lying(OutboxFile):
    """A file whose disk takes what it says it does not, while `lies`."""

    lies = False

    def _guarded(self, operation: Callable[[], T]) -> T:
        done = super()._guarded(operation)
        if self.lies:
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
    outbox.lying.lies = True
    with pytest.raises(DiskTrouble):
        outbox.commit(items, MEMORY)
    outbox.lying.lies = False
    for n in range(5, 12):
        items.append(snapshot(n))
        outbox.commit(items if n == 5 else items[-1:], MEMORY)  # what was not taken comes again
    assert outbox.waiting[MCU_ID] == len(ids(outbox)) == 12
    assert outbox.dropped == 0
    outbox.lying.lies = True
    with pytest.raises(DiskTrouble):
        outbox.delete(MCU_ID, [str(item.id) for item in items[:3]])
    outbox.lying.lies = False
    assert outbox.waiting[MCU_ID] == len(ids(outbox)) == 9
    outbox.close()


def test_what_is_added_is_synced_and_what_is_deleted_may_come_back(tmp_path: Path) -> None:
    """By hand, on an ext4 of its own: 219 power cuts cost no item; 102 without a sync, 3,236."""

    def mode(db: sqlite3.Connection) -> int:
        (found,) = db.execute("PRAGMA synchronous").fetchone()
        return int(found)

    file = OutboxFile(tmp_path / "outbox.sqlite", time.time)
    full, normal = 2, 1
    assert file.add(mode) == full
    assert file.change(mode, synced=False) == normal
    assert file.change(mode) == full
    file.close()
