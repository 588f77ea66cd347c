"""What the tests of the outbox's file share."""

from pathlib import Path

from tests.support.factories import MCU_ID, fill, open_outbox

from bluenova_collector.delivery.outbox import Kept, Outbox
from bluenova_collector.memory import Memory

MEMORY = Memory(
    MCU_ID,
    {MCU_ID: {"energy_in": 12.5}},
    last_end_s=1_800_000_000,
    present=[MCU_ID],
    lost=["AB"],
    cells={MCU_ID: 15},
)


def filled(path: Path, count: int) -> list[Kept]:
    """Makes an outbox with so many items, closes it, and tells what is in it."""
    outbox = open_outbox(path)
    for _ in fill(outbox, count):
        pass
    kept = outbox.between(0, None, MCU_ID, count)
    outbox.close()
    return kept


def ids(outbox: Outbox, mcu_id: str = MCU_ID) -> list[str]:
    return [kept.id for kept in outbox.between(0, None, mcu_id, 100_000)]


PAGE_BYTES = 1024


def page_of_items(file: Path) -> int:
    """Where a page of the file begins that holds items, near the middle."""
    whole = file.read_bytes()
    pages = range(len(whole) // 2 // PAGE_BYTES * PAGE_BYTES, len(whole), PAGE_BYTES)
    return next(at for at in pages if b'"mcu_id"' in whole[at : at + PAGE_BYTES])


def overwrite(file: Path, at: int, what: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(at)
        opened.write(what)
