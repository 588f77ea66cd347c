"""How many cells a battery has, as far as its snapshots tell. Pure."""

from bluenova_shared.snapshot import CELLS, Snapshot


class CellCount:
    """How many cells a battery has, once its snapshots agree; 0 if it mentions none.

    One garbled line changes nothing.
    """

    AGREEING = 3

    def __init__(self) -> None:
        self.cells: int | None = None
        self._candidate: int | None = None
        self._agreeing = 0

    def hear(self, snapshot: Snapshot) -> bool:
        """Takes a snapshot in; true if the number of cells is now known, or has changed."""
        count = snapshot.cell_count
        said = count if count is not None and 1 <= count <= CELLS else None
        candidate = said or max(_cells_heard(snapshot), self.cells or 0)
        if candidate == self.cells:
            self._agreeing = 0
            return False
        self._agreeing = self._agreeing + 1 if candidate == self._candidate else 1
        self._candidate = candidate
        # The first count is the battery's own word; what was merely heard may grow yet.
        if self._agreeing < self.AGREEING and (self.cells is not None or said is None):
            return False
        self.cells = candidate
        return True


def _cells_heard(snapshot: Snapshot) -> int:
    pairs = zip(snapshot.cell_v, snapshot.cell_t, strict=True)
    heard = [n for n, pair in enumerate(pairs, 1) if pair != (None, None)]
    return max(heard, default=0)
