"""What the collectors are told of the items that came, and when. Pure: the time is passed in."""

from collections import OrderedDict, deque
from collections.abc import MutableMapping
from dataclasses import dataclass, field

from bluenova_recorder.store import Written
from bluenova_shared.wire import Receipt, Rejected

# A live snapshot's receipt gives way to others' rows for so long, in seconds, and then until the
# batch is written that is under way: its collector waits 5 s before it sends again. Ten thousand
# receipts take as long as ten thousand rows do.
GIVES_WAY_S = 1.0
# So many are sent before it is looked for rows again.
AT_ONCE = 50
# Meanwhile more comes of the same battery, and goes into the same receipt, up to this length: the
# broker silently drops what is longer than a collector takes (192 KB).
MOST_BYTES = 64 * 1024
ID_BYTES = 19  # with its quotes and comma


@dataclass
class Owed:
    """What a battery's collector is to be told, and since when."""

    mcu_id: str
    since_s: float
    recorded: list[str] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    postponed: list[str] = field(default_factory=list)
    length: int = 0  # of its ids and reasons, in bytes

    def receipt(self) -> Receipt:
        """All of it."""
        return Receipt(recorded=self.recorded, rejected=self.rejected, postponed=self.postponed)


class Receipts:
    """The receipts that are owed, the most urgent first."""

    def __init__(self) -> None:
        self._urgent: deque[Owed] = deque()
        self._live: OrderedDict[str, Owed] = OrderedDict()

    def owe(self, written: Written, now_s: float, *, at_once: bool) -> None:
        """A batch was committed; `at_once` if somebody waits for its receipts to send on."""
        owed: MutableMapping[str, Owed] = {} if at_once else self._live
        # An item without an id has nobody who waits for a receipt.
        for item in written.recorded:
            if item.id is not None:
                self._of(owed, item.mcu_id, now_s, ID_BYTES).recorded.append(item.id)
        for one in written.rejected:
            if one.mcu_id is not None and one.id is not None:
                told = Rejected(id=one.id, reason=one.reason)
                more_bytes = len(told.model_dump_json().encode()) + 1
                self._of(owed, one.mcu_id, now_s, more_bytes).rejected.append(told)
        for later in (*written.not_kept, *written.waiting):
            if later.mcu_id is not None and later.id is not None:
                self._of(owed, later.mcu_id, now_s, ID_BYTES).postponed.append(later.id)
        if at_once:
            self._urgent.extend(owed.values())

    def due(self, now_s: float, *, is_busy: bool) -> list[tuple[str, Receipt]]:
        """Takes the next ones to be sent; while rows wait to be written, only if it is time."""
        taken: list[tuple[str, Receipt]] = []
        while len(taken) < AT_ONCE and (owed := self._next(now_s, is_busy=is_busy)) is not None:
            taken.append((owed.mcu_id, owed.receipt()))
        return taken

    def _of(
        self, owed: MutableMapping[str, Owed], mcu_id: str, now_s: float, more_bytes: int
    ) -> Owed:
        its = owed.get(mcu_id)
        if its is not None and its.length + more_bytes > MOST_BYTES:
            self._urgent.append(owed.pop(mcu_id))
            its = None
        if its is None:
            its = owed[mcu_id] = Owed(mcu_id, now_s)
        its.length += more_bytes
        return its

    def _next(self, now_s: float, *, is_busy: bool) -> Owed | None:
        if self._urgent:
            return self._urgent.popleft()
        oldest = next(iter(self._live.values()), None)
        if oldest is None or (is_busy and now_s < oldest.since_s + GIVES_WAY_S):
            return None
        return self._live.pop(oldest.mcu_id)
