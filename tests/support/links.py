"""Links to a broker, in asyncio."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from bluenova_shared.mqtt.broker import Broker, Client
from bluenova_shared.mqtt.inbox import Inbox
from bluenova_shared.mqtt.link import MqttLink
from bluenova_tools.local import Mosquitto


async def until(holds: Callable[[], object], timeout_s: float = 12) -> None:
    """Waits until it holds. Raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while not holds():  # noqa: ASYNC110  # what is waited for is another program's doing
            await asyncio.sleep(0.02)


@asynccontextmanager
async def running(link: MqttLink) -> AsyncIterator[MqttLink]:
    """The link at work; ended without leave."""
    task = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        await link.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def to(broker: Mosquitto) -> Broker:
    """The broker's address, in clear."""
    return Broker(broker.host, broker.port)


def a_link(broker: Broker, name: str = "one", inbox: Inbox | None = None, **asks: Any) -> MqttLink:
    """A link that is not at work yet, of a client that asks for this."""
    return MqttLink(broker, Client(name, **asks), time.monotonic, inbox=inbox)
