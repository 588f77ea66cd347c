"""The outbox's file when it is damaged: what is saved, and that new data are kept."""

import contextlib
import os
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from tests.support.factories import MCU_ID, fill, open_outbox, snapshot
from tests.support.outboxes import MEMORY, PAGE_BYTES, filled, ids, overwrite

from bluenova_collector.delivery.outbox_file import Unusable

DAMAGES: dict[str, Callable[[Path], object]] = {
    "no database at all": lambda file: file.write_bytes(b"nothing of ours" * 1000),
    "an empty file": lambda file: file.write_bytes(b""),
    "a broken head": lambda file: overwrite(file, 0, b"\xff" * 100),
    "a broken middle": lambda file: overwrite(file, 4096, b"\xff" * 60_000),
    "a cut end": lambda file: os.truncate(file, file.stat().st_size // 2),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_set_aside_and_new_data_kept(
    path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    filled(path, 500)
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
    kept = [item.id for item in filled(path, 2000)]
    overwrite(path, path.stat().st_size // 2 // PAGE_BYTES * PAGE_BYTES, b"\xff" * 2 * PAGE_BYTES)
    again = open_outbox(path)
    saved = ids(again)
    assert again.waiting[MCU_ID] == len(saved)
    again.close()
    assert set(saved) <= set(kept)
    assert len(saved) > 1900, "two pages are lost, and what only they led to"


def test_a_text_that_is_none_costs_no_more_than_its_own_item(path: Path) -> None:
    items = filled(path, 10)
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE outbox SET payload = CAST(x'ff' AS TEXT) WHERE n IN (3, 7)")
    again = open_outbox(path)
    whole = [kept.id for kept in again.between(0, None, MCU_ID, 10) if kept.is_whole]
    assert whole == [item.id for n, item in enumerate(items, 1) if n not in (3, 7)]
    again.close()


@pytest.mark.parametrize("seed", range(4))
def test_one_wrong_byte_anywhere_keeps_no_new_data_out_and_passes_for_none(
    path: Path, seed: int
) -> None:
    said = {kept.id: kept.payload for kept in filled(path, 40)}
    whole, random = path.read_bytes(), Random(seed)
    for _ in range(100):
        path.write_bytes(whole)
        overwrite(path, random.randrange(len(whole)), random.randbytes(1))
        again = open_outbox(path)
        again.recall()
        again.commit([new := snapshot(99)], MEMORY)
        for kept in again.between(0, None, MCU_ID, 1000):
            assert kept.id == new.id or not kept.is_whole or said[kept.id] == kept.payload
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


def test_a_saving_that_was_cut_short_is_done_again(path: Path) -> None:
    kept = [item.id for item in filled(path, 50)]
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


def test_items_of_an_older_collector_which_made_no_checksums_are_kept(path: Path) -> None:
    items = filled(path, 200)
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("ALTER TABLE outbox DROP COLUMN crc")
        db.execute("UPDATE outbox SET payload = replace(payload, ':', '}') WHERE n = 4")
        db.execute(
            "UPDATE outbox SET payload = replace(payload, id, '0123456789abcdef') WHERE n = 7"
        )
    older = path.read_bytes()
    again = open_outbox(path)
    again.commit([new := snapshot(999)], MEMORY)
    whole = [kept.id for kept in again.between(0, None, MCU_ID, 1000) if kept.is_whole]
    expected = [item.id for n, item in enumerate(items, 1) if n not in (4, 7)]
    assert whole == [*expected, new.id]
    again.close()
    path.write_bytes(older)
    overwrite(path, 18, b"\x03")  # this byte says that it cannot be written
    saved = open_outbox(path)
    assert ids(saved) == expected, "what is whole is saved, the rest is not"
    assert list(path.parent.glob("*.damaged-*"))
    saved.close()


@pytest.mark.parametrize("kind", [1, 4, 7, 8, 9], ids="1 byte, 4 bytes, float, 0, 1".split(", "))
def test_a_text_that_a_byte_has_made_a_number_costs_no_more_than_its_own_item(
    path: Path, kind: int
) -> None:
    kept = filled(path, 200)[50]
    overwrite(path, type_of_payload(path, kept.id, len(kept.payload)), bytes([kind]))
    overwrite(path, 18, b"\x03")  # it cannot be written: all is saved into another
    again = open_outbox(path)
    again.commit([snapshot(999)], MEMORY)
    assert len(ids(again)) == 199 + 1
    again.close()


def test_a_length_that_a_byte_has_made_too_long_for_any_memory_ends_nothing(path: Path) -> None:
    items = filled(path, 200)
    id_at = path.read_bytes().index(items[50].id.encode())
    overwrite(path, id_at - 12, b"\xff\xff\xff\xff\xff\x7f")
    again = open_outbox(path)
    again.between(0, None, MCU_ID, 1000)  # here the damage is noticed
    again.commit([new := snapshot(999)], MEMORY)
    assert new.id in ids(again)
    assert len(ids(again)) > 150
    again.close()


@pytest.mark.parametrize(
    "name", ["payload TEXT NOT", "crc INTEGER", "mcu_id TEXT NOT NULL, time_s"]
)
@pytest.mark.parametrize("byte", [b"q", b"\xff"], ids=["letter", "no text"])
def test_a_columns_name_that_is_damaged_keeps_nothing_out(
    path: Path, name: str, byte: bytes
) -> None:
    kept = [item.id for item in filled(path, 20)]
    overwrite(path, path.read_bytes().index(name.encode()), byte)
    again = open_outbox(path)
    again.commit([new := snapshot(99)], MEMORY)
    assert ids(again)[-1] == new.id
    assert set(ids(again)) <= {*kept, new.id}
    again.close()


def type_of_payload(path: Path, item_id: str, length: int) -> int:
    """Where the file says of this item's payload that it is a text of that length."""
    number = 13 + 2 * length
    kind = bytes([0x80 | number >> 7, number & 0x7F])
    # Then comes the type of its checksum, and its id.
    found = re.search(re.escape(kind) + b"." + item_id.encode(), path.read_bytes(), re.DOTALL)
    assert found
    return found.start()


@pytest.mark.parametrize("index", ["outbox_id", "outbox_mcu_id"])
def test_an_index_that_is_damaged_hides_no_item_and_keeps_none(path: Path, index: str) -> None:
    kept = [item.id for item in filled(path, 20)]
    with contextlib.closing(sqlite3.connect(path)) as db:
        found = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", [index])
        begin = (found.fetchone()[0] - 1) * PAGE_BYTES
    page = path.read_bytes()[begin : begin + PAGE_BYTES]
    right = (kept[10] if index == "outbox_id" else MCU_ID).encode()
    assert right in page
    overwrite(path, begin, page.replace(right, right[:-1] + bytes([right[-1] ^ 1])))
    again = open_outbox(path)
    assert ids(again) == kept
    assert again.delete(MCU_ID, kept) == 20
    assert again.waiting[MCU_ID] == 0
    again.close()


def test_an_id_that_is_there_twice_costs_its_item_alone(path: Path) -> None:
    kept = [item.id for item in filled(path, 20)]
    whole = path.read_bytes()
    row = whole.rindex(b'"id":"' + kept[5].encode())  # in its text; its column stands before it
    column = whole.rindex(kept[5].encode(), 0, row)
    overwrite(path, column, kept[6].encode())
    again = open_outbox(path)
    whole_ones = [one.id for one in again.between(0, None, MCU_ID, 100) if one.is_whole]
    assert whole_ones == [one for one in kept if one != kept[5]]
    assert again.delete(MCU_ID, whole_ones) == 19
    again.close()


def test_values_of_the_wrong_kind_end_nothing(path: Path) -> None:
    items = filled(path, 3)
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE outbox SET time_s = 'x' WHERE n = 1")
        db.execute("UPDATE outbox SET time_s = 1 << 60 WHERE n = 2")
        db.execute("UPDATE outbox SET payload = x'7b' WHERE n = 3")
    again = open_outbox(path)
    assert again.oldest(MCU_ID) is None
    again.delete(MCU_ID, [items[0].id])
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
