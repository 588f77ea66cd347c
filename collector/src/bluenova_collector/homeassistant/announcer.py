"""When Home Assistant is told of the batteries: rarely, never twice at once, and not all together.

The broker keeps what was told. It is told again when the broker has accepted us anew, as it may
have forgotten, and when Home Assistant says that it is there.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bluenova_collector.homeassistant.discovery import CellCount
from bluenova_collector.lru import LRU
from bluenova_shared.message import Message
from bluenova_shared.snapshot import Snapshot

log = logging.getLogger(__name__)

# Home Assistant loses most of a second discovery that follows within 2 s.
PAUSE_S = 10.0
# Many collectors hear the same birth message.
EARLIEST_S, LATEST_S = 1.0, 4.0
TICK_S = 0.5


@dataclass
class _Device:
    cells: CellCount = field(default_factory=CellCount)
    due_s: float | None = None
    not_before_s: float = 0.0


class HomeAssistant:
    """Publishes the discovery of each battery that has given a snapshot.

    `describe` makes the message from the MCU ID and the number of cells. The state follows by
    itself with the next snapshot; an old one is never published again.
    """

    def __init__(
        self,
        describe: Callable[[str, int], Message],
        publish: Callable[[Message], bool],
        longest_payload: Callable[[], int | None],
        *,
        enabled: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._describe = describe
        self._publish = publish
        self._longest_payload = longest_payload
        self._enabled = enabled
        self._clock = clock
        self._devices = LRU[str, _Device]()
        self._complained = False

    def hear(self, snapshots: Iterable[Snapshot]) -> None:
        """Takes snapshots in: a new battery, or one with other cells, is to be told of."""
        if not self._enabled:
            return
        for snapshot in snapshots:
            device = self._devices.get(snapshot.mcu_id) or _Device()
            self._devices[snapshot.mcu_id] = device
            if device.cells.hear(snapshot):
                log.info("Battery %s has %d cells", snapshot.mcu_id, device.cells.cells)
                device.due_s = self._clock()

    def take(self, message: Message) -> None:
        """What Home Assistant says of itself."""
        if message.payload == b"online":
            self.tell_all()

    def tell_all(self) -> None:
        """Every battery is to be told of once, soon; further calls until then change nothing."""
        for device in self._devices.values():
            if device.cells.cells is not None and device.due_s is None:
                jitter_s = random.uniform(EARLIEST_S, LATEST_S)  # noqa: S311  # spreads collectors
                device.due_s = self._clock() + jitter_s

    async def run(self) -> None:
        """Publishes what is due, until cancelled."""
        while True:
            self.publish_due()
            await asyncio.sleep(TICK_S)

    def publish_due(self) -> None:
        """Publishes what is due now; without a broker it stays due."""
        now_s = self._clock()
        for mcu_id, device in self._devices.items():
            if device.due_s is None or now_s < max(device.due_s, device.not_before_s):
                continue
            message = self._describe(mcu_id, device.cells.cells or 0)
            if self._is_too_long(message) or self._publish(message):
                device.due_s, device.not_before_s = None, now_s + PAUSE_S

    def _is_too_long(self, message: Message) -> bool:
        """The broker would cut the connection, again and again."""
        size, longest = len(message.payload), self._longest_payload()
        if longest is None or size <= longest:
            return False
        if not self._complained:
            log.error(
                "The broker takes no more than %d bytes: Home Assistant's discovery has %d. "
                "Raise its max_packet_size.",
                *(longest, size),
            )
        self._complained = True
        return True
