"""A battery's address has changed: what was measured under the old one is delivered."""

import contextlib
import sqlite3
from pathlib import Path
from random import Random

import pytest
from tests.support.factories import MCU_ID, OTHER_MCU_ID, fill, open_outbox, snapshot
from tests.support.harness import (
    Battery,
    Listener,
    collector,
    eventually,
    query,
    recorder,
    wait_until_ready,
)
from tests.support.outboxes import filled, overwrite

from bluenova_collector.delivery.adopt import AT_ONCE, Adoption
from bluenova_collector.delivery.outbox import Outbox
from bluenova_collector.memory import Memory
from bluenova_tools.local import Database, Mosquitto, Service


def adopt(outbox: Outbox, others: list[Path]) -> None:
    adoption = Adoption(outbox, others)
    for _ in range(10):
        adoption.step()


def left(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as db:
        (count,) = db.execute("SELECT count(*) FROM outbox").fetchone()
    return int(count)


def test_all_that_is_whole_moves_and_the_memory_of_the_other_stays(tmp_path: Path) -> None:
    other = open_outbox(tmp_path / "other.sqlite", battery="old:9000")
    ids = [item.id for item in fill(other, 2 * AT_ONCE + 5, OTHER_MCU_ID)]
    other.close()
    ours = open_outbox(tmp_path / "ours.sqlite")
    ours.commit([own := snapshot()], Memory(MCU_ID))
    for _ in range(2):  # the second time there is nothing left
        adopt(ours, [tmp_path / "other.sqlite"])
        assert ours.waiting == {MCU_ID: 1, OTHER_MCU_ID: len(ids)}
    moved = ours.between(0, None, OTHER_MCU_ID, 10_000)
    assert [item.id for item in moved] == ids
    assert [item.id for item in ours.between(0, None, MCU_ID, 10)] == [own.id]
    assert ours.recall().mcu_id == MCU_ID
    assert left(tmp_path / "other.sqlite") == 0
    ours.close()
    again = open_outbox(tmp_path / "other.sqlite", battery="old:9000")
    assert again.recall().mcu_id == OTHER_MCU_ID
    again.close()


def test_what_a_kill_left_in_both_is_there_once(tmp_path: Path) -> None:
    other = open_outbox(tmp_path / "other.sqlite")
    items = list(fill(other, 10))
    other.close()
    ours = open_outbox(tmp_path / "ours.sqlite")
    ours.take_over(items[:5])
    adopt(ours, [tmp_path / "other.sqlite"])
    assert ours.waiting[MCU_ID] == len(ours.between(0, None, MCU_ID, 100)) == 10
    ours.close()


def test_an_outbox_in_use_and_what_is_none_are_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    used = open_outbox(tmp_path / "used.sqlite")
    list(fill(used, 10))
    (tmp_path / "none.sqlite").write_bytes(b"nothing of ours" * 1000)
    list(fill(good := open_outbox(tmp_path / "good.sqlite"), 3, OTHER_MCU_ID))
    good.close()
    ours = open_outbox(tmp_path / "ours.sqlite")
    adopt(
        ours,
        [
            tmp_path / name
            for name in ("used.sqlite", "none.sqlite", "missing.sqlite", "good.sqlite")
        ],
    )
    assert ours.waiting == {OTHER_MCU_ID: 3}, "the others hold nothing up"
    assert f"What {tmp_path / 'none.sqlite'} holds cannot be taken over" in caplog.text
    assert "used.sqlite" not in caplog.text
    assert used.waiting[MCU_ID] == len(used.between(0, None, MCU_ID, 100)) == 10
    assert not (tmp_path / "missing.sqlite").exists()
    used.close()
    ours.close()


def test_damaged_items_stay_and_hold_no_other_up(tmp_path: Path) -> None:
    filled(tmp_path / "other.sqlite", 10)
    with contextlib.closing(sqlite3.connect(tmp_path / "other.sqlite")) as db, db:
        db.execute("UPDATE outbox SET payload = x'7b' WHERE n = 1")
        db.execute("UPDATE outbox SET payload = replace(payload, '53.1', '53.2') WHERE n = 2")
    ours = open_outbox(tmp_path / "ours.sqlite")
    adopt(ours, [tmp_path / "other.sqlite"])
    assert ours.waiting[MCU_ID] == 8
    assert left(tmp_path / "other.sqlite") == 2
    ours.close()


@pytest.mark.parametrize("seed", range(3))
def test_one_wrong_byte_anywhere_in_another_outbox_ends_nothing(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "other.sqlite"
    said = {kept.id: kept.payload for kept in filled(path, 20)}
    whole, random = path.read_bytes(), Random(seed)
    for _ in range(100):
        path.write_bytes(whole)
        # The names of its columns are in the first page.
        overwrite(path, random.randrange(random.choice([2048, len(whole)])), random.randbytes(1))
        ours = open_outbox(tmp_path / "ours.sqlite")
        adopt(ours, [path])
        for kept in ours.between(0, None, MCU_ID, 100):
            assert kept.payload == said[kept.id]
        ours.close()
        (tmp_path / "ours.sqlite").unlink()


@pytest.mark.services
def test_a_collector_with_another_address_delivers_what_the_first_could_not(
    mosquitto: Mosquitto, database: Database, tmp_path: Path
) -> None:
    def reading(battery: Battery, host: str) -> Service:
        return collector(
            tmp_path,
            battery_port=battery.port,
            mqtt_port=mosquitto.port,
            name=host,
            BATTERY_HOST=host,
            OUTBOX_PATH="",
            XDG_STATE_HOME=tmp_path,
        )

    with Battery() as battery, Listener(mosquitto, "bluenova/+/snapshot") as listener:
        with reading(battery, "127.0.0.1"):
            battery.say(f"MCU ID: {MCU_ID}", "SOC: 5")
            eventually(lambda: listener.heard)
        (old,) = (tmp_path / "bluenova").glob("outbox-*.sqlite")
        waiting = left(old)
        assert waiting > 0
        with (
            recorder(tmp_path, database, mqtt_port=mosquitto.port) as writer,
            reading(battery, "localhost") as second,
        ):
            wait_until_ready(writer, database)
            second.wait_for_line(f"{waiting} items that {old} had not delivered are taken over")
            eventually(lambda: query(database, "SELECT 1 FROM battery_pack"), timeout_s=20)
    assert left(old) == 0
