"""Makes snapshots of what console lines say. Pure: the time is passed in. Bounded."""

import dataclasses
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bluenova_collector.console.energy import EnergyPair
from bluenova_collector.console.rules import (
    ENERGY,
    MCU_ID,
    EnergyFollows,
    EnergyTotal,
    Named,
    Occurrence,
    Partly,
    Place,
    Said,
    Unreadable,
)
from bluenova_collector.lru import LRU, MAX_BATTERIES
from bluenova_shared.quantity import SMALLINT_MAX, Line, Series
from bluenova_shared.readings import Value
from bluenova_shared.snapshot import CELLS, Snapshot
from bluenova_shared.table import marked, quantities

# How many closed intervals wait for the very first MCU ID: an hour of them at 10 s.
MAX_NAMELESS = 360

# The console numbers its cells with two digits; a count beyond that is garbled.
MOST_CELLS = 99

Totals = dict[str, float]

# All places of values in the fields' order, which a copy keeps; none of them has been said yet.
_NOTHING: dict[Place, Value | None] = {}
# Where among them a field's value is, or its values if it is an array.
_WHERE: dict[str, int | slice] = {}
for _name, _field, _ in quantities():
    _begin = len(_NOTHING)
    if _series := marked(_field, Series):
        _NOTHING |= {(_name, _index): None for _index in range(_series.count)}
        _WHERE[_name] = slice(_begin, len(_NOTHING))
    elif marked(_field, Line):
        _NOTHING[_name, None] = None
        _WHERE[_name] = _begin


@dataclass
class Draft:
    """What one battery has said so far in the open interval."""

    readings: dict[Place, Value | None] = dataclasses.field(default_factory=_NOTHING.copy)
    counts: dict[str, int] = dataclasses.field(default_factory=dict)

    def count(self, name: str) -> None:
        """Counts one more line of this kind."""
        self.counts[name] = min(self.counts.get(name, 0) + 1, SMALLINT_MAX)

    def cell_count(self) -> int | None:
        """How many cells the battery says that it has; None if it says nothing that can be.

        A count that cells with a voltage go far beyond is garbled.
        """
        said = self.readings["cell_count", None]
        if said is None or not 1 <= int(said) <= MOST_CELLS:
            return None
        beyond = [index for index in range(int(said), CELLS) if self.readings["cell_v", index]]
        return int(said) if len(beyond) <= 1 else None

    def forget_missing_cells(self, count: int | None) -> None:
        """Forgets cells beyond the battery's number of cells that it prints as 0 V.

        As long as that number is not known, it is at least that of the last cell with a voltage.
        """
        if count is None:
            numbers = range(1, CELLS + 1)
            count = max((n for n in numbers if self.readings["cell_v", n - 1]), default=0)
        for index in range(max(count, 0), CELLS):
            if self.readings["cell_v", index] == 0:
                self.readings["cell_v", index] = self.readings["cell_t", index] = None

    def snapshot(self, mcu_id: str, end: datetime, totals: Totals) -> Snapshot:
        """Returns what was said as a snapshot of the interval that ended at `end`."""
        said = tuple(self.readings.values())
        values = {name: said[where] for name, where in _WHERE.items()}
        named = {"time": end, "mcu_id": mcu_id}
        return Snapshot.model_validate({**values, **self.counts, **totals, **named})


class Assembler:
    """Gathers lines into one snapshot per interval and battery; the last readable value wins.

    Values belong to the battery whose MCU ID came last. `mcu_id`, `totals` (each battery's energy
    totals by column name) and `cells` (how many each battery has) are what an earlier run
    remembered.
    """

    def __init__(
        self,
        mcu_id: str | None = None,
        totals: Mapping[str, Totals] | None = None,
        cells: Mapping[str, int] | None = None,
    ) -> None:
        self.mcu_id = mcu_id
        self.dropped_nameless = 0
        # None stands for the battery whose MCU ID has not come yet.
        self._totals = LRU[str | None, Totals]()
        self._totals.update({mcu: dict(known) for mcu, known in (totals or {}).items()})
        self._cells = LRU[str | None, int]()
        self._cells.update(cells or {})
        self._drafts = defaultdict[str | None, Draft](Draft)
        self._open: Draft | None = None  # the draft of the battery that speaks
        self._nameless: deque[tuple[datetime, Draft, Totals]] = deque()
        self._named_late: list[Snapshot] = []
        self._nobodys = False  # whether the lines are about a battery too many
        self._pair = EnergyPair()

    @property
    def totals(self) -> dict[str, Totals]:
        """The energy totals to remember, by MCU ID."""
        return {mcu_id: totals for mcu_id, totals in self._totals.items() if mcu_id is not None}

    @property
    def cells(self) -> dict[str, int]:
        """How many cells each battery says that it has, to remember, by MCU ID."""
        return {mcu_id: count for mcu_id, count in self._cells.items() if mcu_id is not None}

    def handle(self, said: Said | None) -> Said | None:
        """Takes in what a line says; returns it, or why it cannot be taken. Never raises."""
        if said is None:
            return None
        if isinstance(said, dict):  # most lines are values alone
            draft = self._open or self._draft()
            draft.readings |= said
            return said
        match said:
            case Partly():
                self._draft().readings |= said.readings
            case Named():
                return self._name(said)
            case Occurrence():
                self._draft().count(said.field)
            case EnergyFollows():
                self._draft()
                self._pair.arm()
            case EnergyTotal():
                self._draft()
                self._take_total(said.value)
            case Unreadable(prefix) if prefix == ENERGY:
                self._pair.next()
        return said

    def connection_lost(self) -> None:
        """Takes note that lines may be missing; values and MCU ID stay."""
        self._pair.disarm()

    def close(self, end: datetime) -> list[Snapshot]:
        """Returns the snapshots of the interval that ends at `end`, and first those named late."""
        snapshots, self._named_late = self._named_late, []
        for mcu_id, draft in self._drafts.items():
            totals = self._totals.get(mcu_id, {})
            if (count := draft.cell_count()) is not None:
                self._cells[mcu_id] = count
            draft.forget_missing_cells(self._cells.get(mcu_id))
            if mcu_id is None:
                self._wait_for_name(end, draft, dict(totals))
            else:
                snapshots.append(draft.snapshot(mcu_id, end, totals))
        self._drafts.clear()
        self._open = None
        return snapshots

    def _draft(self) -> Draft:
        if self._open is None:
            # What is about nobody's battery is kept nowhere.
            self._open = Draft() if self._nobodys else self._drafts[self.mcu_id]
        return self._open

    def _name(self, said: Named) -> Said:
        mcu_id = said.mcu_id
        self._open = None
        self._nobodys = mcu_id not in self._drafts and len(self._drafts) >= MAX_BATTERIES
        if self._nobodys:
            why = f"more than {MAX_BATTERIES} batteries in one interval"
            return Unreadable(MCU_ID, MCU_ID + mcu_id, why)
        if self.mcu_id is None:
            self._name_the_nameless(mcu_id)
        self.mcu_id = mcu_id
        self._draft()
        return said

    def _name_the_nameless(self, mcu_id: str) -> None:
        self._named_late += [d.snapshot(mcu_id, end, totals) for end, d, totals in self._nameless]
        self._nameless.clear()
        if None in self._drafts:
            self._drafts[mcu_id] = self._drafts.pop(None)
        if None in self._totals:
            self._totals[mcu_id] = self._totals.pop(None)
        if None in self._cells:
            self._cells[mcu_id] = self._cells.pop(None)

    def _wait_for_name(self, end: datetime, draft: Draft, totals: Totals) -> None:
        if len(self._nameless) >= MAX_NAMELESS:
            self._nameless.popleft()
            self.dropped_nameless += 1
        self._nameless.append((end, draft, totals))

    def _take_total(self, value: float) -> None:
        place = self._pair.next()
        if place is None or self._nobodys:
            return
        self._totals[self.mcu_id] = {**self._totals.get(self.mcu_id, {}), place: value}
