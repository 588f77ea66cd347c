"""When live snapshots go out, if many collectors share a broker. Pure."""

from binascii import crc32
from collections.abc import Iterator

from bluenova_shared.message import Message

_WHOLE = 2**32


class Stagger:
    """Holds live messages back, each battery's by its own part of `over_s` seconds.

    All intervals end at the same instant, and with thousands of batteries that is more at once than
    a broker keeps for a recorder. The snapshots' times stay as they are. All times are seconds of a
    steady clock.
    """

    def __init__(self, over_s: float = 0.0) -> None:
        self.over_s = over_s
        self._held: list[tuple[float, Message]] = []

    def delay_s(self, mcu_id: str) -> float:
        """How long this battery's messages wait: always the same, and spread evenly over all."""
        return self.over_s * crc32(mcu_id.encode()) / _WHOLE

    def hold(self, message: Message, due_s: float) -> None:
        """Keeps it until it is due."""
        self._held.append((due_s, message))

    def due(self, now_s: float) -> Iterator[Message]:
        """Gives what is due by now, and forgets it."""
        held, self._held = self._held, []
        for due_s, message in held:
            if due_s <= now_s:
                yield message
            else:
                self._held.append((due_s, message))

    def next_s(self) -> float | None:
        """When the next one is due; None if nothing is held."""
        return min((due_s for due_s, _ in self._held), default=None)
