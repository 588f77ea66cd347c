"""Announces batteries to Home Assistant: rarely, never twice at once, not with other collectors.

The broker keeps the announcements. They are sent again after each new connection, as the broker may
have lost them, and when Home Assistant says that it has started.
"""

import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bluenova_collector.homeassistant.cell_count import CellCount
from bluenova_collector.homeassistant.discovery import Describer
from bluenova_collector.lru import LRU
from bluenova_shared.logs import Change
from bluenova_shared.message import Message
from bluenova_shared.mqtt.events import NoBroker, Publisher, TooLong
from bluenova_shared.snapshot import Snapshot

log = logging.getLogger(__name__)

# Home Assistant loses most of a second discovery that follows within 2 s.
PAUSE_S = 10.0
# Many collectors hear the same birth message.
EARLIEST_S, LATEST_S = 1.0, 4.0


@dataclass
class _Device:
    cells: CellCount = field(default_factory=CellCount)
    due_s: float | None = None
    not_before_s: float = 0.0


class Announcer:
    """Publishes the discovery of each battery that has given a snapshot.

    The state follows by itself with the next snapshot; an old one is never published again.
    `steady` is a clock that never jumps.
    """

    def __init__(
        self, describer: Describer, broker: Publisher, steady: Callable[[], float], *, enabled: bool
    ) -> None:
        self._describer = describer
        self._broker = broker
        self._steady = steady
        self._enabled = enabled
        self._devices = LRU[str, _Device]()
        self._too_long = Change()

    def see(self, snapshots: Iterable[Snapshot]) -> None:
        """Takes snapshots in: a new battery, or one with other cells, is to be announced."""
        if not self._enabled:
            return
        for snapshot in snapshots:
            device = self._devices.get(snapshot.mcu_id) or _Device()
            self._devices[snapshot.mcu_id] = device
            if device.cells.hear(snapshot):
                log.info("Battery %s has %d cells", snapshot.mcu_id, device.cells.cells)
                device.due_s = self._steady()

    def handle(self, message: Message) -> None:
        """What Home Assistant says of itself."""
        if message.payload == b"online":
            self.tell_all()

    def tell_all(self) -> None:
        """Every battery is to be announced once, soon; further calls until then change nothing."""
        for device in self._devices.values():
            if device.cells.cells is not None and device.due_s is None:
                jitter_s = random.uniform(EARLIEST_S, LATEST_S)  # noqa: S311  # spreads collectors
                device.due_s = self._steady() + jitter_s

    def publish_due(self) -> None:
        """Publishes what is due now; without a broker it stays due."""
        now_s = self._steady()
        for mcu_id, device in self._devices.items():
            if device.due_s is None or now_s < max(device.due_s, device.not_before_s):
                continue
            message = self._describer.discovery(mcu_id, device.cells.cells or 0)
            match self._broker.publish(message):
                case NoBroker():
                    continue
                case TooLong(longest) if self._too_long.to(longest):
                    log.error(
                        "The broker takes no more than %d bytes: Home Assistant's discovery has "
                        "%d. Raise its max_packet_size.",
                        *(longest, len(message.payload)),
                    )
            device.due_s, device.not_before_s = None, now_s + PAUSE_S
