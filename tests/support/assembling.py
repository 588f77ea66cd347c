"""Lines for an assembler, and the snapshots that it makes of them."""

from datetime import UTC, datetime, timedelta

from bluenova_collector.console.assembler import Assembler
from bluenova_collector.console.rules import read
from bluenova_shared.snapshot import Snapshot

START = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
ARM = "DEBUG: CALC PACK_CHARGE, STORE IN FLASH"


def end(number: int) -> datetime:
    """When the interval with this number ends."""
    return START + timedelta(seconds=10 * number)


def feed(assembler: Assembler, *lines: str) -> None:
    for line in lines:
        assembler.handle(read(line))


def named() -> Assembler:
    """An assembler that knows its battery."""
    return Assembler(mcu_id="1A2B3C4D")


def only(snapshots: list[Snapshot]) -> Snapshot:
    (snapshot,) = snapshots
    return snapshot
