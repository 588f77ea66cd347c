"""What the collectors are told of the items that came, and when. Pure: the time is passed in."""

from collections import defaultdict, deque

from bluenova_recorder.store import Written
from bluenova_shared.wire import Receipt, Rejected

# A live snapshot's receipt gives way to others' rows for so long, in seconds, and then until the
# batch is written that is under way: its collector waits 5 s before it sends again. Ten thousand
# receipts take as long as ten thousand rows do.
GIVES_WAY_S = 1.0
# So many are sent before it is looked for rows again.
AT_ONCE = 50


class Receipts:
    """The receipts that are owed, the most urgent first."""

    def __init__(self) -> None:
        self._owed: deque[tuple[float, str, Receipt]] = deque()

    def owe(self, written: Written, now_s: float, *, at_once: bool) -> None:
        """A batch was committed; `at_once` if somebody waits for its receipts to send on."""
        owed = receipts(written).items()
        if at_once:
            self._owed.extendleft((now_s, *one) for one in owed)
        else:
            self._owed.extend((now_s + GIVES_WAY_S, *one) for one in owed)

    def due(self, now_s: float, *, is_busy: bool) -> list[tuple[str, Receipt]]:
        """Takes the next ones to be sent; while rows wait to be written, only if it is time."""
        taken: list[tuple[str, Receipt]] = []
        while self._owed and len(taken) < AT_ONCE and not (is_busy and now_s < self._owed[0][0]):
            _, mcu_id, receipt = self._owed.popleft()
            taken.append((mcu_id, receipt))
        return taken


def receipts(written: Written) -> dict[str, Receipt]:
    """The receipt for each battery; an item without an id has nobody who waits for one."""
    recorded: dict[str, list[str]] = defaultdict(list)
    rejected: dict[str, list[Rejected]] = defaultdict(list)
    postponed: dict[str, list[str]] = defaultdict(list)
    for item in written.recorded:
        if item.id is not None:
            recorded[item.mcu_id].append(item.id)
    for one in written.rejected:
        if one.mcu_id is not None and one.id is not None:
            rejected[one.mcu_id].append(Rejected(id=one.id, reason=one.reason))
    for later in (*written.not_kept, *written.waiting):
        if later.mcu_id is not None and later.id is not None:
            postponed[later.mcu_id].append(later.id)
    return {
        mcu_id: Receipt(
            recorded=recorded[mcu_id], rejected=rejected[mcu_id], postponed=postponed[mcu_id]
        )
        for mcu_id in {*recorded, *rejected, *postponed}
    }
