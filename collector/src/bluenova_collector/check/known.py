"""What one room of the check finds out and another one needs."""

import asyncio
from dataclasses import dataclass, field

from bluenova_collector.check.outbox_copy import Contents


@dataclass
class Known:
    """The outbox's contents and the battery's MCU ID, each with an event for when it is settled."""

    contents: Contents = field(default_factory=Contents)
    in_use: bool = False  # whether a collector runs that has the outbox
    without_broker_s: float = 0.0  # for how long that one has had no broker
    heard_mcu_id: str | None = None
    outbox_read: asyncio.Event = field(default_factory=asyncio.Event)
    battery_heard: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def mcu_id(self) -> str | None:
        """As the battery says it, or as the outbox remembers it."""
        return self.heard_mcu_id or self.contents.memory.mcu_id
