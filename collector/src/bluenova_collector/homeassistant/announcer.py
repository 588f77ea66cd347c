"""Announces batteries to Home Assistant: rarely, never twice at once, not with other collectors.

The broker keeps the announcements. They are sent again after each new connection, as the broker may
have lost them, and when Home Assistant says that it has started. An announcement has several
messages. They go out one at a time: so it is known which of them a broker does not take, if the
connection ends, and there is room for live values in between.
"""

import logging
import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bluenova_collector.homeassistant.cell_count import CellCount
from bluenova_collector.homeassistant.discovery import Describer
from bluenova_collector.homeassistant.refusal import News, Refusal
from bluenova_collector.lru import LRU
from bluenova_shared.logs import Change
from bluenova_shared.message import Message
from bluenova_shared.mqtt.events import Lost, NoBroker, Publisher, TooLong
from bluenova_shared.snapshot import Snapshot

log = logging.getLogger(__name__)

# Home Assistant loses most of a second discovery that follows within 2 s.
PAUSE_S = 10.0
# It lets go of an earlier version's sensors before it can take the same ones from elsewhere.
LETS_GO_S = 2.0
# A broker acknowledges a message sooner.
APART_S = 0.5
# Many collectors hear the same birth message.
EARLIEST_S, LATEST_S = 1.0, 4.0


@dataclass
class _Device:
    cells: CellCount = field(default_factory=CellCount)
    due_s: float | None = None  # when its announcement begins
    not_before_s: float = 0.0
    outgoing: deque[Message] = field(default_factory=deque)  # what is left of the announcement
    next_s: float = 0.0
    given: dict[str, int] = field(default_factory=dict)  # bytes of what went out, by topic
    just_seen: bool = False


@dataclass
class Announcer:
    """Publishes the discovery of each battery that has given a snapshot.

    The state follows by itself with the next snapshot; an old one is never published again.
    `steady` is a clock that never jumps.
    """

    describer: Describer
    broker: Publisher
    steady: Callable[[], float]
    enabled: bool
    refusal: Refusal = field(default_factory=Refusal)
    _devices: LRU[str, _Device] = field(default_factory=LRU)
    _too_long: Change = field(default_factory=Change)

    def see(self, snapshots: Iterable[Snapshot]) -> None:
        """Takes snapshots in: a new battery, or one with other cells, is to be announced."""
        if not self.enabled:
            return
        for snapshot in snapshots:
            device = self._devices.get(snapshot.mcu_id) or _Device()
            self._devices[snapshot.mcu_id] = device
            device.just_seen = True
            if device.cells.hear(snapshot):
                log.info("Battery %s has %d cells", snapshot.mcu_id, device.cells.cells)
                device.due_s = self.steady()

    def handle(self, message: Message) -> None:
        """What Home Assistant says of itself."""
        if message.payload == b"online":
            self.tell_all()

    def tell_all(self) -> None:
        """Every battery is to be announced once, soon; further calls until then change nothing."""
        for device in self._devices.values():
            if device.cells.cells is not None and device.due_s is None:
                jitter_s = random.uniform(EARLIEST_S, LATEST_S)  # noqa: S311  # spreads collectors
                device.due_s = self.steady() + jitter_s

    def link_lost(self, lost: Lost) -> None:
        """The connection ended; a message on its way may be the reason.

        Then it is held back, and tried once more, right after a snapshot: a live value is lost only
        if its interval is shorter than the break.
        """
        on_its_way = [
            size
            for device in self._devices.values()
            for topic, size in device.given.items()
            if topic in lost.unacknowledged
        ]
        shortest = min(on_its_way, default=None)
        longest = max(on_its_way + self._lengths_to_come(), default=0)
        match self.refusal.connection_lost(shortest, self.steady()):
            case News.SUSPECT:
                log.error(
                    "The connection ended with Home Assistant's discovery of %d bytes on its way: "
                    "the broker may refuse it. It is tried once more. If the broker has a limit "
                    "(in Mosquitto: message_size_limit), raise it to %d bytes or more",
                    *(shortest, longest),
                )
            case News.LEFT_OUT:
                log.error(
                    "The connection ended again with Home Assistant's discovery of %d bytes on its "
                    "way: it is left out until the broker has been restarted, with a limit of %d "
                    "bytes or more",
                    *(shortest, longest),
                )
        for device in self._devices.values():
            device.outgoing.clear()  # all begins anew with the next connection

    def publish_due(self) -> None:
        """Publishes what is due now; without a broker it stays due."""
        now_s = self.steady()
        for mcu_id, device in self._devices.items():
            if device.due_s is not None and now_s >= max(device.due_s, device.not_before_s):
                self._begin(mcu_id, device, now_s)
            if device.outgoing and now_s >= device.next_s:
                self._publish_next(device, now_s)
            device.just_seen = False

    def _begin(self, mcu_id: str, device: _Device, now_s: float) -> None:
        if self.broker.publish(self.describer.replaced(mcu_id)) == NoBroker():
            return
        device.outgoing = deque(self.describer.discovery(mcu_id, device.cells.cells or 0))
        device.due_s, device.not_before_s = None, now_s + PAUSE_S
        device.next_s = now_s + LETS_GO_S

    def _publish_next(self, device: _Device, now_s: float) -> None:
        message = device.outgoing[0]
        size = len(message.payload)
        if not self.refusal.admits(size, now_s, trial=device.just_seen):
            return
        match self.broker.publish(message):
            case NoBroker():
                return
            case TooLong(longest) if self._too_long.to(longest):
                log.error(
                    "The broker takes no more than %d bytes: Home Assistant's discovery has "
                    "%d. Raise its max_packet_size.",
                    *(longest, max(self._lengths_to_come())),
                )
        device.given[message.topic] = size
        device.outgoing.popleft()
        device.next_s = now_s + APART_S

    def _lengths_to_come(self) -> list[int]:
        return [len(m.payload) for device in self._devices.values() for m in device.outgoing]
