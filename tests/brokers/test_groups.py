"""Who joins two groups at once hears both, however often it is done and whatever waits there."""

import asyncio
import contextlib
import time
from collections.abc import Iterator

from tests.brokers.kinds import Broker
from tests.support.mqtt import MqttClient
from tests.support.repeating import repeating

from bluenova_shared.message import Message
from bluenova_shared.mqtt import broker as mqtt
from bluenova_shared.mqtt.link import MqttLink

TOPICS = {"group/a", "group/b"}
# With both subscriptions in one packet HiveMQ CE forgot 50 of 81 members, with a packet each none
# of 120.
MEMBERS = 8
EVERY_S = 0.002
SETTLED_AFTER_S = 1.0


@contextlib.contextmanager
def flood(broker: Broker) -> Iterator[None]:
    """Publishes on both topics, all the time."""

    def publish() -> None:
        for topic in TOPICS:
            publisher.client.publish(topic, b"x" * 800)

    with (
        MqttClient(broker.host, broker.port) as publisher,
        repeating(publish, every_s=EVERY_S),
    ):
        yield


async def heard_after_a_while(broker: Broker, name: str) -> set[str]:
    """The topics that a new member hears for a second, after its first one."""
    groups = [(f"$share/{topic[-1]}/{topic}", 0) for topic in sorted(TOPICS)]
    where = mqtt.Broker(broker.host, broker.port)
    link = MqttLink(where, mqtt.Client(name, groups), time.monotonic)
    task = asyncio.create_task(link.run())
    async with asyncio.timeout(10):
        while link.away_since_s is not None:  # noqa: ASYNC110  # another program's doing
            await asyncio.sleep(0.02)
    await asyncio.sleep(SETTLED_AFTER_S)
    await link.drain()
    await asyncio.sleep(SETTLED_AFTER_S)
    heard: set[str] = set()
    with contextlib.suppress(TimeoutError):  # nothing came
        async with asyncio.timeout(SETTLED_AFTER_S):
            heard = {one.topic for one in await link.drain() if isinstance(one, Message)}
    await link.close()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return heard


def test_each_new_member_of_two_groups_goes_on_hearing_both(
    named_broker: tuple[str, Broker],
) -> None:
    _, broker = named_broker
    with flood(broker):
        heard = [asyncio.run(heard_after_a_while(broker, f"member-{n}")) for n in range(MEMBERS)]
    assert heard == [TOPICS] * MEMBERS
