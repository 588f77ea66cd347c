"""What the database's room finds out and the broker's one needs."""

import asyncio
from dataclasses import dataclass, field


@dataclass
class Known:
    """Whether the newest row is fresh, once the event says that this is settled."""

    is_fresh: bool = False
    newest: str = "no row is known"
    settled: asyncio.Event = field(default_factory=asyncio.Event)
