"""Brokers that are there and do not serve us: what they refuse, and what they do not answer."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.support.half_broker import NOT_AUTHORIZED, half_broker

from bluenova_shared.message import Message
from bluenova_shared.mqtt.acknowledgements import Acknowledgements
from bluenova_shared.mqtt.broker import Broker, Client
from bluenova_shared.mqtt.link import MqttLink
from bluenova_shared.mqtt.subscriptions import Subscriptions


@pytest.fixture(autouse=True)
def _all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bluenova_shared.mqtt")


def said(caplog: pytest.LogCaptureFixture, words: str) -> list[str]:
    return [r.getMessage() for r in caplog.records if words in r.getMessage()]


@asynccontextmanager
async def at_a(port: int, client: Client, *, listening: bool = True) -> AsyncIterator[MqttLink]:
    """A link that is connected to the broker at this port."""
    broker = Broker("127.0.0.1", port)
    link = MqttLink(broker, client, time.monotonic, listening=listening)
    task = asyncio.create_task(link.run())
    async with asyncio.timeout(5):
        while not link.connected:  # noqa: ASYNC110  # what is waited for is another program's doing
            await asyncio.sleep(0.02)
    yield link
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def is_away(link: MqttLink) -> bool:
    return link.away_since_s is not None


def test_a_refused_subscription_is_asked_for_again_and_there_is_no_broker_until_it_is_granted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        client = Client("one", subscriptions=[("wanted", 0)])
        async with half_broker(refusals=2) as broker, at_a(broker.port, client) as link:
            away_since_s = link.away_since_s
            async with asyncio.timeout(10):
                while link.away_since_s is not None:
                    assert link.away_since_s == away_since_s
                    await asyncio.sleep(0.05)
            assert broker.subscribed == [NOT_AUTHORIZED, NOT_AUTHORIZED, 0]

    asyncio.run(story())
    (line,) = said(caplog, "refuses the subscription to wanted")
    assert "Not authorized" in line


def test_a_subscription_that_is_no_need_may_be_refused(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        client = Client("one", optional=[("extra", 0)])
        async with half_broker(refusals=99) as broker, at_a(broker.port, client) as link:
            assert link.away_since_s is None
            await asyncio.sleep(0.3)

    asyncio.run(story())
    assert len(said(caplog, "refuses the subscription to extra")) == 1


def test_each_subscription_is_asked_for_in_a_message_of_its_own() -> None:
    async def story() -> None:
        groups = [("$share/one/a", 0), ("$share/two/b", 0)]
        client = Client("one", subscriptions=groups)
        async with half_broker() as broker, at_a(broker.port, client) as link:
            async with asyncio.timeout(5):
                while is_away(link):  # noqa: ASYNC110  # another program's doing
                    await asyncio.sleep(0.02)
            assert broker.subscribed == [0, 0]

    asyncio.run(story())


def test_two_that_are_refused_together_wait_no_longer_than_one() -> None:
    both = Subscriptions([("a", 0), ("b", 0)])
    asked, looks = both.begin(), []
    for _ in range(3):
        for number, one in enumerate(asked):
            both.asked(number, one)
        assert [both.answered(n, is_refused=True) for n in range(2)] == ["a", "b"]
        looks.append(1)
        while not (asked := both.look()):
            looks[-1] += 1
    assert looks == [1, 2, 4]


def test_who_wants_to_hear_nothing_for_a_while_has_a_broker_all_the_same() -> None:
    async def story() -> None:
        client = Client("one", subscriptions=[("wanted", 0)])
        async with half_broker() as broker, at_a(broker.port, client, listening=False) as link:
            assert is_away(link), "it has never heard anything"
            link.listen(True)
            async with asyncio.timeout(5):
                while is_away(link):  # noqa: ASYNC110  # another program's doing
                    await asyncio.sleep(0.02)
            link.listen(False)
            assert not is_away(link)

    asyncio.run(story())


def test_a_broker_that_answers_pings_and_no_message_is_given_up_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        client = Client("one", keepalive_s=2)
        async with half_broker() as broker, at_a(broker.port, client) as link:
            link.publish(Message("mine", "x", qos=1))
            async with asyncio.timeout(15):
                while broker.connections < 2:  # noqa: ASYNC110  # another program's doing
                    await asyncio.sleep(0.05)

    asyncio.run(story())
    (line,) = said(caplog, "Lost the MQTT broker")
    assert "never confirmed what we sent about mine" in line


def test_a_subscription_that_is_never_answered_ends_the_connection_and_the_next_one_hears(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        client = Client("one", subscriptions=[("wanted", 0)], keepalive_s=2)
        async with half_broker(silences=1) as broker, at_a(broker.port, client) as link:
            async with asyncio.timeout(15):
                while is_away(link):  # noqa: ASYNC110  # what is waited for is another's doing
                    await asyncio.sleep(0.05)
            assert broker.connections == 2

    asyncio.run(story())
    (line,) = said(caplog, "Lost the MQTT broker")
    assert "never confirmed what we sent about wanted" in line


def test_only_a_message_that_stays_out_look_after_look_is_missed() -> None:
    out = Acknowledgements(patience=2)
    out.sent(1, "a", 1)
    assert [out.look(), out.look()] == [None, None]
    out.came(1)
    out.sent(2, "b", 1)
    out.sent(3, "c", 0)
    assert [out.look(), out.look(), out.look()] == [None, None, "b"]
    out.came(2)
    assert [out.look() for _ in range(5)] == [None] * 5, "QoS 0 has no answer"


def test_what_was_refused_is_asked_for_ever_later_and_what_was_granted_is_not() -> None:
    both = Subscriptions([("a", 0), ("b", 0)])
    for number, one in enumerate(both.begin()):
        both.asked(number, one)
    assert both.answered(0, is_refused=False) is None
    assert both.answered(1, is_refused=True) == "b"
    waits = []
    for number in range(2, 6):
        looks = 1
        while not (again := both.look()):
            looks += 1
        waits.append(looks)
        assert again == [("b", 0)]
        both.asked(number, *again)
        both.answered(number, is_refused=True)
    assert waits == [1, 2, 4, 8]
    assert not both.are_granted
