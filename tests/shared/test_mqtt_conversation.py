"""How a connection is read: many packets at once, in clear and with TLS, none lost or held back."""

import asyncio
import os
import select
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.subscribeoptions import SubscribeOptions
from tests.support.certificates import make_certificate, offer_tls
from tests.support.harness import Listener, eventually
from tests.support.links import a_link, running, to, until
from tests.support.repeating import repeating

from bluenova_shared.message import Message
from bluenova_shared.mqtt.broker import Abilities, Broker, Client
from bluenova_shared.mqtt.buffered import BUFFER_BYTES, BufferedSocket
from bluenova_shared.mqtt.conversation import MOST_AT_ONCE, converse
from bluenova_shared.mqtt.events import Lost, Sent
from bluenova_shared.mqtt.link import MqttLink
from bluenova_shared.mqtt.paho_client import connect, new_client
from bluenova_tools.local import Mosquitto, free_port

ACCEPTED = b"\x20\x03\0\0\0"
FAREWELL = b"\xe0\x01\x8b"  # the broker shuts down


def test_what_comes_together_is_read_in_the_pieces_asked_for() -> None:
    theirs, ours = socket.socketpair()
    with theirs, ours:
        buffered = BufferedSocket(ours, print)
        buffered.setblocking(False)
        with pytest.raises(BlockingIOError):
            buffered.recv(1)
        theirs.sendall(b"\x20\x05abc")
        assert [buffered.recv(1), buffered.pending(), buffered.recv(3)] == [b"\x20", 4, b"\x05ab"]
        assert [buffered.recv(9), buffered.pending()] == [b"c", 0], "what there is"
        with pytest.raises(BlockingIOError):
            buffered.recv(1)
        theirs.sendall(b"de\x30\x02\0")
        assert [buffered.recv(9), buffered.pending()] == [b"de", 3], "no more than the packet"
        with pytest.raises(BlockingIOError):
            buffered.recv(1)
        assert buffered.pending() == 0, "it is not whole, and nobody is to read it again and again"
        theirs.close()
        assert [buffered.recv(9), buffered.recv(9)] == [b"", b""], "empty at the end"


@contextmanager
def over_tls(folder: Path) -> Iterator[tuple[ssl.SSLSocket, ssl.SSLSocket]]:
    """Both ends of a connection with TLS: theirs and ours."""
    certificate = make_certificate(folder, "broker")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, certificate.with_suffix(".key"))
    asking = ssl.create_default_context(cafile=certificate)
    ends = socket.socketpair()
    with ThreadPoolExecutor(1) as other:
        accepted = other.submit(serving.wrap_socket, ends[0], server_side=True)
        ours = asking.wrap_socket(ends[1], server_hostname="127.0.0.1")
        with ours, accepted.result() as theirs:
            yield theirs, ours


def test_records_of_tls_that_came_together_are_read_together(tmp_path: Path) -> None:
    heard = list[Message]()
    with over_tls(tmp_path) as (theirs, ours):
        buffered = BufferedSocket(ours, heard.append)
        buffered.setblocking(False)
        for number in range(9):
            theirs.sendall(b"\x30\x06\0\x02in\0%d" % number)
        with pytest.raises(BlockingIOError):
            buffered.recv(1)
        assert [message.payload for message in heard] == [b"%d" % number for number in range(9)]


def test_what_came_before_an_error_of_tls_is_read_first(tmp_path: Path) -> None:
    with over_tls(tmp_path) as (theirs, ours):
        buffered = BufferedSocket(ours, print)
        buffered.setblocking(False)
        theirs.sendall(FAREWELL)
        os.write(theirs.fileno(), b"this is no TLS")
        assert buffered.recv(9) == FAREWELL
        assert buffered.recv(1) == b"", "the end"


def test_an_end_that_is_read_with_a_record_of_tls_is_not_forgotten(tmp_path: Path) -> None:
    """The connection below stays open, so `select` never tells of it again."""
    heard = list[Message]()
    with over_tls(tmp_path) as (theirs, ours):
        buffered = BufferedSocket(ours, heard.append)
        buffered.setblocking(False)
        theirs.settimeout(0.1)
        theirs.sendall(b"\x30\x06\0\x02in\0!")
        with pytest.raises(TimeoutError):  # our farewell, which it waits for, does not come
            theirs.unwrap()
        with pytest.raises(BlockingIOError):
            buffered.recv(1)
        assert heard == [Message("in", b"!")]
        assert not select.select([ours], [], [], 0)[0]
        assert buffered.pending(), "so that it is asked again"
        assert [buffered.recv(1), buffered.recv(1)] == [b"", b""], "the end"


@pytest.fixture(params=["in clear", "with TLS"])
def broker(request: pytest.FixtureRequest, mosquitto: Mosquitto, tmp_path: Path) -> Broker:
    """The broker's address, in clear or with TLS."""
    if request.param == "in clear":
        return to(mosquitto)
    certificate, port = make_certificate(tmp_path, "broker"), free_port()
    offer_tls(mosquitto, certificate, port)
    mosquitto.restart()
    return Broker(mosquitto.host, port, tls=ssl.create_default_context(cafile=certificate))


@asynccontextmanager
async def listening(broker: Broker) -> AsyncIterator[MqttLink]:
    """A link at work, once it is subscribed."""
    async with running(a_link(broker, subscriptions=[("in", 1)])) as link:
        await until(lambda: link.away_since_s is None)
        yield link


def payloads() -> Iterator[bytes]:
    """Short ones, and some that are longer than the buffer."""
    for number in range(600):
        yield b"%d" % number
        if number % 200 == 0:
            yield b"x" * (BUFFER_BYTES + number)


@pytest.mark.services
def test_all_that_comes_at_once_is_heard_in_its_order(broker: Broker, mosquitto: Mosquitto) -> None:
    async def story() -> None:
        async with listening(broker) as link:
            with Listener(mosquitto, "none") as listener:
                for payload in payloads():
                    listener.publish("in", payload)
            heard = list[bytes | str]()
            async with asyncio.timeout(10):
                while len(heard) < len([*payloads()]):
                    heard += [e.payload for e in await link.drain() if isinstance(e, Message)]
            assert heard == [*payloads()]

    asyncio.run(story())


@pytest.mark.services
def test_what_is_published_does_not_mix_with_acknowledgements_of_what_comes(
    broker: Broker, mosquitto: Mosquitto
) -> None:
    async def story() -> None:
        async with listening(broker) as link:
            longest, lost = b"x" * 60_000, list[Lost]()
            with Listener(mosquitto, "out") as listener:
                for number in range(50):
                    for _ in range(60):
                        listener.client.publish("in", b"x" * 300, 1)
                    for more in range(10):
                        published = link.publish(Message("out", longest[: more * 6_000]))
                        assert isinstance(published, Sent), f"after {number}"
                    lost += [event for event in await link.drain() if isinstance(event, Lost)]
                    await asyncio.sleep(0.01)
                eventually(lambda: len(listener.heard) == 500)
            assert lost == []
            assert await link.close()

    asyncio.run(story())


@pytest.mark.services
def test_what_is_not_written_yet_is_waited_for(broker: Broker, mosquitto: Mosquitto) -> None:
    async def story() -> None:
        async with listening(broker) as link:
            mosquitto.freeze()
            for _ in range(100):  # more than the system's buffers take
                link.publish(Message("out", b"x" * 190_000))
            was_all_written = await link.close(timeout_s=0.3)
            mosquitto.resume()
            assert not was_all_written

    asyncio.run(story())


@pytest.mark.services
def test_a_flood_is_read_in_bunches_with_the_rest_in_between(mosquitto: Mosquitto) -> None:
    """At QoS 1, which paho reads one by one."""
    many, came, bunches = 5 * MOST_AT_ONCE, 0, list[int]()
    broker, name = to(mosquitto), Client("one")

    def hear(_: Message) -> None:
        nonlocal came
        came += 1

    client = new_client(broker, name, Abilities(), hear)

    def rest() -> None:
        bunches.append(came - sum(bunches))
        if came == many:
            client.disconnect()

    with Listener(mosquitto, "none") as listener:

        def subscribe(*_: object) -> None:
            client.subscribe("in", options=SubscribeOptions(1))

        def flood(*_: object) -> None:
            for _number in range(many):
                listener.publish("in", b"x" * 20)  # acknowledged, and so on its way to us

        client.on_connect = subscribe
        client.on_subscribe = flood
        connect(client, broker, name)
        assert converse(client, rest) == MQTTErrorCode.MQTT_ERR_NO_CONN, "we have left"
    assert sum(bunches) == many
    assert max(bunches) <= MOST_AT_ONCE
    assert len(bunches) < many / 2, "not each by itself"


@pytest.mark.parametrize(
    ("packet", "heard"),
    [
        (b"\x30\x06\0\x02in\0!", Message("in", b"!")),
        (b"\x32\x08\0\x02in\0\x01\0!", Message("in", b"!", qos=1)),
    ],
    ids=["plain", "paho's"],
)
def test_what_is_left_in_the_buffer_does_not_wait_for_more_to_come(
    packet: bytes, heard: Message
) -> None:
    many, came = 2 * MOST_AT_ONCE + 1, list[Message]()
    with socket.create_server(("127.0.0.1", 0)) as server:
        broker = Broker("127.0.0.1", server.getsockname()[1])
        name = Client("one", keepalive_s=1)
        client = new_client(broker, name, Abilities(), came.append)

        def rest() -> None:
            if len(came) == many:
                client.disconnect()

        connect(client, broker, name)
        theirs, _ = server.accept()
        with theirs:
            theirs.sendall(ACCEPTED + many * packet)
            converse(client, rest)
    assert came == many * [heard], "and the connection has not ended for want of an answer"


def test_messages_tell_that_the_broker_lives_if_its_answers_are_late() -> None:
    """It never answers a ping here, and paho reads hardly one of its messages."""
    heard = list[Message]()
    with socket.create_server(("127.0.0.1", 0)) as server:
        broker = Broker("127.0.0.1", server.getsockname()[1])
        name = Client("one", keepalive_s=2)
        client = new_client(broker, name, Abilities(), heard.append)
        connect(client, broker, name)
        theirs, _ = server.accept()

        def rest() -> None:
            if len(heard) == 45:
                client.disconnect()

        with theirs, repeating(lambda: theirs.sendall(b"\x30\x06\0\x02in\0!"), every_s=0.1):
            theirs.sendall(ACCEPTED)
            assert converse(client, rest) == MQTTErrorCode.MQTT_ERR_NO_CONN, "we have left"
    assert len(heard) == 45
