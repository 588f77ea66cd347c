"""The link to the broker, against a real one."""

import asyncio
import logging
import subprocess
import sys
import time

import pytest
from tests.support.harness import Listener, eventually
from tests.support.links import a_link, running, to, until

from bluenova_shared.message import Message
from bluenova_shared.mqtt.broker import Broker, Will
from bluenova_shared.mqtt.events import Connected, Event, Lost, NoBroker, Sent, TooLong
from bluenova_shared.mqtt.inbox import Inbox
from bluenova_shared.mqtt.link import MqttLink
from bluenova_tools.local import Mosquitto, free_port

pytestmark = pytest.mark.services


async def a_message(link: MqttLink) -> Message:
    """The next message that comes, whatever comes before it."""
    async with asyncio.timeout(5):
        while True:
            for event in await link.drain():
                if isinstance(event, Message):
                    return event


def said(caplog: pytest.LogCaptureFixture, words: str) -> list[str]:
    return [r.getMessage() for r in caplog.records if words in r.getMessage()]


@pytest.fixture(autouse=True)
def _all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bluenova_shared.mqtt")


def test_what_is_published_arrives_and_what_is_subscribed_to_comes(mosquitto: Mosquitto) -> None:
    async def story() -> None:
        link = a_link(to(mosquitto), subscriptions=[("in/#", 1)])
        with Listener(mosquitto) as listener:
            async with running(link):
                await until(lambda: link.connected)
                assert link.publish(Message("out", "hello", qos=1, retain=True)) == Sent()
                await until(lambda: listener.payloads("out") == [b"hello"])
                await asyncio.sleep(0.2)
                listener.publish("in/a", b"\x00\xff")
                message = await a_message(link)
                assert (message.topic, message.payload) == ("in/a", b"\x00\xff")

    asyncio.run(story())


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_lost_broker_is_found_again_with_one_line_a_change_and_subscribed_to_anew(
    how: str, mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        link = a_link(to(mosquitto), subscriptions=[("in", 0)])
        async with running(link):
            await until(lambda: link.connected)
            await asyncio.to_thread(getattr(mosquitto, how))
            await until(lambda: not link.connected)
            assert link.publish(Message("out", "lost")) == NoBroker()
            await asyncio.sleep(2.5)
            await asyncio.to_thread(mosquitto.start)
            await until(lambda: link.connected)
            first, lost, second = await link.drain()
            assert (first, second) == (Connected(), Connected())
            assert isinstance(lost, Lost)
            await asyncio.sleep(0.2)
            with Listener(mosquitto) as listener:
                listener.publish("in", b"again")
                assert (await a_message(link)).payload == b"again"

    asyncio.run(story())
    assert len(said(caplog, "Lost the MQTT broker")) == 1
    assert len(said(caplog, "No MQTT broker")) == 1
    assert len(said(caplog, "Connected to the MQTT broker")) == 2


def test_a_broker_that_never_was_there_costs_one_line(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        link = a_link(Broker("127.0.0.1", free_port()))
        async with running(link):
            await asyncio.sleep(4)
            assert link.publish(Message("out", "x", qos=1)) == NoBroker()
            began_s = time.monotonic()
            assert not await link.close(timeout_s=60)
            assert time.monotonic() - began_s < 30, "there is nobody to take leave of"

    asyncio.run(story())
    assert len(caplog.records) == 1
    assert "No MQTT broker" in caplog.records[0].getMessage()


def test_nothing_that_was_published_over_a_lost_connection_comes_late(mosquitto: Mosquitto) -> None:
    async def story() -> None:
        link = a_link(to(mosquitto), session_s=10)
        async with running(link):
            await until(lambda: link.connected)
            mosquitto.freeze()
            for number in range(30):  # more than the broker takes at once
                link.publish(Message("old", str(number), qos=1))
            link.publish(Message("long", "x" * 10_000_000))  # more than TCP takes at once
            await asyncio.to_thread(mosquitto.kill)
            await until(lambda: not link.connected)
            lost = (await link.drain())[-1]
            assert isinstance(lost, Lost)
            assert lost.unacknowledged == {"old"}, "of QoS 0 nothing is acknowledged"
            link.publish(Message("old", "while away", qos=1))
            await asyncio.to_thread(mosquitto.start)
            with Listener(mosquitto) as listener:
                await until(lambda: link.connected)
                link.publish(Message("new", "now", qos=1))
                await until(lambda: listener.payloads("new"))
                await asyncio.sleep(0.5)
                assert listener.payloads("old") == []

    asyncio.run(story())


LINK_WITH_A_WILL = """
import asyncio, sys, time
from bluenova_shared.message import Message
from bluenova_shared.mqtt.broker import Broker, Client, Will
from bluenova_shared.mqtt.events import Connected
from bluenova_shared.mqtt.link import MqttLink

async def run():
    will = Will(Message("alive", "offline", qos=1, retain=True), delay_s=2)
    online = Message("alive", "online", qos=1, retain=True)
    broker = Broker("127.0.0.1", int(sys.argv[1]))
    link = MqttLink(broker, Client("one", will=will, session_s=2), time.monotonic)
    running = asyncio.create_task(link.run())
    while True:
        for event in await link.drain():
            if event == Connected():
                link.publish(online)

asyncio.run(run())
"""


def test_the_will_is_published_after_its_delay_and_not_to_one_who_returns_in_time(
    mosquitto: Mosquitto,
) -> None:
    program = [sys.executable, "-c", LINK_WITH_A_WILL, str(mosquitto.port)]
    with Listener(mosquitto) as listener:
        for life in (1, 2):
            with subprocess.Popen(program) as process:
                eventually(lambda: len(listener.payloads("alive")) == life)  # noqa: B023  # called at once
                process.kill()
            time.sleep(1.2)
            assert listener.payloads("alive") == [b"online"] * life, "not before its delay"
        eventually(lambda: listener.payloads("alive") == [b"online", b"online", b"offline"])


def test_two_clients_with_one_name_throw_each_other_out_ever_more_slowly(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        one, other = (a_link(to(mosquitto), "same") for _ in range(2))
        async with running(one), running(other):
            await asyncio.sleep(6)

    asyncio.run(story())
    # Each second for ever, it would be about 12.
    assert 2 <= len(said(caplog, "Connected to")) <= 7


def test_a_wrong_password_is_told_once_and_never_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        with Mosquitto(anonymous=False) as broker:
            link = a_link(Broker(broker.host, broker.port, "me", "hunter2-hunter2"))
            async with running(link):
                await asyncio.sleep(4.5)
                assert not link.connected

    asyncio.run(story())
    (told,) = [record.getMessage() for record in caplog.records]
    assert "refused" in told
    assert "uthor" in told, "not authorized"
    assert "hunter2" not in caplog.text


def test_a_broker_that_accepts_and_says_nothing_is_given_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10_000)
            writer.close()

        server = await asyncio.start_server(mute, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with running(a_link(Broker("127.0.0.1", port))):
            await asyncio.sleep(3)
        server.close()

    asyncio.run(story())
    assert len(said(caplog, "No MQTT broker")) == 1


def test_the_inbox_drops_what_does_not_fit_and_counts_it() -> None:
    async def story() -> None:
        inbox = Inbox(max_messages=10, max_bytes=1000)
        for number in range(15):
            inbox.put(Message("a", str(number).encode()))
        assert inbox.dropped == 5
        assert await inbox.drain() == [Message("a", str(n).encode()) for n in range(10)]
        for _ in range(3):
            inbox.put(Message("a", b"x" * 600))
        assert inbox.dropped == 7
        assert len(await inbox.drain()) == 1
        inbox.put(Message("a", b"room again"))
        assert len(await asyncio.wait_for(inbox.drain(), 1)) == 1

    asyncio.run(story())


def test_an_inbox_that_is_full_of_messages_still_takes_what_became_of_the_connection() -> None:
    async def story() -> None:
        inbox = Inbox(max_messages=1)
        events: list[Event] = [
            Connected(),
            Message("a", b"x"),
            Message("a", b"y"),
            Lost("why"),
            Connected(),
        ]
        for event in events:
            inbox.put(event)
        assert await inbox.drain() == [Connected(), Lost("why"), Connected()]
        assert inbox.dropped == 2

    asyncio.run(story())


def test_what_is_longer_than_the_broker_takes_is_answered_and_harms_nothing() -> None:
    async def story() -> None:
        with Mosquitto(config=["max_packet_size 1000"]) as broker, Listener(broker) as listener:
            async with running(a_link(to(broker))) as link:
                await until(lambda: link.connected)
                assert link.publish(Message("out", "ü" * 500, qos=1)) == TooLong(1000 - 16 - 3)
                assert link.publish(Message("out", "x" * 981, qos=1)) == Sent()
                await until(lambda: listener.payloads("out") == [b"x" * 981])
                assert link.connected

    asyncio.run(story())


def test_a_flood_does_not_keep_the_loop_from_its_work(mosquitto: Mosquitto) -> None:
    async def story() -> None:
        link = a_link(to(mosquitto), inbox=Inbox(max_messages=100), subscriptions=[("in", 0)])
        async with running(link):
            await until(lambda: link.connected)
            await asyncio.sleep(0.2)
            with Listener(mosquitto, "none") as listener:
                for _ in range(500):
                    listener.publish("in", b"x" * 100, qos=0)
            await until(lambda: link.dropped)
            assert len(await link.drain()) == 100
            assert link.connected

    asyncio.run(story())


@pytest.mark.parametrize("leave", [True, False], ids=["farewell", "failure"])
def test_the_will_is_for_those_who_go_without_a_farewell(leave: bool, mosquitto: Mosquitto) -> None:
    async def story() -> None:
        will = Will(Message("state", "offline", qos=1), delay_s=0)
        link = a_link(to(mosquitto), will=will)
        with Listener(mosquitto, "state") as listener:
            running_link = asyncio.create_task(link.run())
            await until(lambda: link.connected)
            if leave:
                await link.close()
            running_link.cancel()
            await asyncio.gather(running_link, return_exceptions=True)
            await asyncio.sleep(1)
            assert listener.payloads("state") == ([] if leave else [b"offline"])

    asyncio.run(story())
