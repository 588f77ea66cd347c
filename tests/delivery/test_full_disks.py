"""A disk that takes nothing costs durability, and neither the live values nor more than it must."""

import time
from pathlib import Path
from typing import Any

import pytest
from tests.support.delivering import Broker, deliver, deliver_to, left, receipt
from tests.support.factories import MCU_ID, open_outbox, snapshot

from bluenova_collector.delivery.outbox import Outbox
from bluenova_collector.delivery.outbox_file import DiskTrouble
from bluenova_collector.delivery.promise import MOST_UNWRITTEN
from bluenova_collector.memory import Memory
from bluenova_tools.chaos.disk import SmallDisk


class Failing(Outbox):
    """An outbox whose disk takes nothing while `full`."""

    full = False

    def commit(self, items: Any, memory: Memory) -> list[int]:
        if self.full:
            raise DiskTrouble("database or disk is full")
        return super().commit(items, memory)


def test_a_full_disk_costs_durability_not_the_live_values(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    outbox = Failing(tmp_path / "outbox.sqlite", "b", 10_000, time.time)
    delivery = deliver_to(broker := Broker(), outbox)
    deliver(delivery, first := snapshot(0))
    outbox.full = True
    items = [snapshot(n) for n in range(1, 51)]
    for item in items:
        deliver(delivery, item)
    assert len(broker.heard) == 51
    assert len([r for r in caplog.records if "cannot be written" in r.getMessage()]) == 1
    delivery.handle_receipt(receipt(*items[:20]))
    outbox.full = False
    deliver(delivery, last := snapshot(99))
    assert left(outbox) == [item.id for item in [first, *items[20:], last]]
    deliver(delivery, snapshot(100))
    assert [r.getMessage() for r in caplog.records if r.levelname == "INFO"] == [
        "The outbox can be written again; 30 items had to wait"
    ]


def test_what_a_full_disk_does_not_take_is_bounded_in_memory_and_its_loss_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = Failing(tmp_path / "outbox.sqlite", "b", 10_000, time.time)
    delivery = deliver_to(Broker(), outbox)
    outbox.full = True
    for n in range(MOST_UNWRITTEN + 100):
        deliver(delivery, snapshot(n))
    outbox.full = False
    deliver(delivery, snapshot(9999))
    assert outbox.waiting[MCU_ID] == MOST_UNWRITTEN + 1
    assert outbox.dropped == 100
    assert "neither the disk nor the memory" in caplog.text


def test_a_really_full_disk_is_survived(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    with SmallDisk(folder, megabytes=20) as disk:
        if not disk.mounted:
            pytest.skip("only root may mount a small file system")
        outbox = open_outbox(folder / "outbox.sqlite")
        delivery = deliver_to(broker := Broker(), outbox)
        disk.fill()
        items = [snapshot(n) for n in range(100)]
        for item in items:
            deliver(delivery, item)
            delivery.send_again()
        assert len(broker.heard) == 100
        disk.free()
        deliver(delivery, last := snapshot(200))
        assert left(outbox) == [item.id for item in [*items, last]]
        outbox.close()
