"""What the log says of a broker that cannot be had: the reason, and what to do."""

import asyncio
import logging
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.harness import eventually

from bluenova_shared.mqtt.broker import KEEPALIVE_S, Broker, Client
from bluenova_shared.mqtt.link import MqttLink, Pauses
from bluenova_shared.mqtt.mqtt_3 import answers_mqtt_3
from bluenova_tools.local import Mosquitto, free_port

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def _all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bluenova_shared.mqtt")


def warning(
    caplog: pytest.LogCaptureFixture, broker: Broker, *, keepalive_s: int = KEEPALIVE_S
) -> str:
    """The first that the log says of trouble with this broker."""

    def said() -> list[str]:
        return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]

    async def try_it() -> None:
        client = Client("one", keepalive_s=keepalive_s)
        link = MqttLink(broker, client, time.monotonic)
        running = asyncio.create_task(link.run())
        async with asyncio.timeout(10):
            while not said():  # noqa: ASYNC110  # what is waited for is another program's doing
                await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(try_it())
    return said()[0]


def said_of(
    caplog: pytest.LogCaptureFixture, answer: Callable[[bytes], bytes | None], **options: int
) -> str:
    """What is said of a server that answers so to what it hears and ends the connection.

    If there is no answer, it waits until the client goes.
    """
    found: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (said := answer(await reader.read(1000))) is None:
            await reader.read(1000)
        else:
            writer.write(said)
            await writer.drain()
        writer.close()

    async def story() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            broker = Broker("127.0.0.1", server.sockets[0].getsockname()[1])
            found.append(await asyncio.to_thread(warning, caplog, broker, **options))

    asyncio.run(story())
    return found[0]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(b"", "ended the connection before accepting us", id="closes on CONNECT"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", "another protocol", id="HTTP"),
        pytest.param(b"\x15\x03\x03\x00\x02\x02\x46", "set MQTT_TLS=true", id="an alert of TLS"),
        pytest.param(b"\x20\x02\x00\x01", "must know MQTT 5", id="MQTT 3 alone"),
    ],
)
def test_a_server_that_is_no_broker_for_us(
    answer: bytes, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert words in said_of(caplog, lambda _: answer)


MQTT_5, MQTT_3 = b"MQTT\x05", b"MQTT\x04"
REFUSED_BY_3 = b"\x20\x02\x00\x05"  # MQTT 3.1.1: a CONNACK that says "not authorized"


@pytest.mark.parametrize("to_mqtt_3", [b"\x20\x02\x00\x00", REFUSED_BY_3], ids=["in", "refused"])
@pytest.mark.parametrize(
    "to_mqtt_5",
    [
        pytest.param(b"", id="closes"),
        pytest.param(b"\x20\x02\x00\x00", id="accepts in the terms of 3.1.1"),
        pytest.param(REFUSED_BY_3, id="refuses in the terms of 3.1.1"),
        pytest.param(None, id="waits, as amqtt does"),
    ],
)
def test_a_broker_of_mqtt_3_alone_is_named_however_it_takes_mqtt_5(
    to_mqtt_5: bytes | None, to_mqtt_3: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(said: bytes) -> bytes | None:
        return to_mqtt_5 if MQTT_5 in said else to_mqtt_3 if MQTT_3 in said else b""

    line = said_of(caplog, answer, keepalive_s=1)
    assert "answers to MQTT 3.1.1, but not to MQTT 5: the broker must know MQTT 5" in line


def test_a_server_that_never_answers_is_not_said_to_have_ended_the_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert "never answered" in said_of(caplog, lambda _: None, keepalive_s=1)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 and its key, for the broker's user to read."""
    tmp_path.chmod(0o755)
    path = tmp_path / "both.pem"
    subprocess.run(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 "
        f"-addext subjectAltName=IP:127.0.0.1 -keyout {path} -out {tmp_path}/cert.pem".split(),
        check=True,
        capture_output=True,
    )
    path.write_bytes(path.read_bytes() + (tmp_path / "cert.pem").read_bytes())
    path.chmod(0o644)
    return path


class Ports:
    """A broker's ports: in clear, with TLS, with websockets."""

    def __init__(self, clear: int, tls: int, websockets: int) -> None:
        self.clear, self.tls, self.websockets = clear, tls, websockets


@pytest.fixture
def ports(certificate: Path) -> Iterator[Ports]:
    tls, websockets = free_port(), free_port()
    with Mosquitto() as broker:
        copy = broker.folder / "both.pem"  # in a folder that its user can enter
        copy.write_bytes(certificate.read_bytes())
        copy.chmod(0o644)
        broker.config = [
            *(f"listener {tls} 127.0.0.1", f"certfile {copy}", f"keyfile {copy}"),
            *(f"listener {websockets} 127.0.0.1", "protocol websockets"),
        ]
        broker.restart()
        eventually(lambda: broker.log.read_text().count("running") == 2)
        yield Ports(broker.port, tls, websockets)


@pytest.mark.parametrize(
    ("port", "words"),
    [
        pytest.param(lambda p: p.websockets, "a port for websockets", id="websockets"),
        pytest.param(lambda p: p.tls, "set MQTT_TLS=true", id="TLS, spoken to in clear"),
    ],
)
def test_a_listener_of_another_kind(
    port: Callable[[Ports], int], words: str, ports: Ports, caplog: pytest.LogCaptureFixture
) -> None:
    assert words in warning(caplog, Broker("127.0.0.1", port(ports)))


def test_a_listener_in_clear_that_is_spoken_to_in_tls(
    ports: Ports, certificate: Path, caplog: pytest.LogCaptureFixture
) -> None:
    context = ssl.create_default_context(cafile=certificate)
    assert "set MQTT_TLS=false" in warning(caplog, Broker("127.0.0.1", ports.clear, tls=context))


def test_whether_a_broker_knows_mqtt_3_is_found_out_in_tls_too(
    ports: Ports, certificate: Path
) -> None:
    context = ssl.create_default_context(cafile=certificate)
    assert answers_mqtt_3(Broker("127.0.0.1", ports.clear))
    assert answers_mqtt_3(Broker("127.0.0.1", ports.tls, tls=context))
    assert not answers_mqtt_3(Broker("127.0.0.1", ports.clear, tls=context))
    assert not answers_mqtt_3(Broker("127.0.0.1", ports.tls), timeout_s=0.5)
    assert not answers_mqtt_3(Broker("127.0.0.1", free_port()))


def test_an_authority_that_is_not_known(ports: Ports, caplog: pytest.LogCaptureFixture) -> None:
    context = ssl.create_default_context()
    assert "set MQTT_TLS_CA" in warning(caplog, Broker("127.0.0.1", ports.tls, tls=context))


def test_two_clients_with_one_name_are_told_what_it_probably_is(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        broker = Broker(mosquitto.host, mosquitto.port)
        pauses = Pauses(first_s=0.1, longest_s=0.1)
        links = [MqttLink(broker, Client("same"), time.monotonic, pauses=pauses) for _ in "ab"]
        running = [asyncio.create_task(link.run()) for link in links]
        async with asyncio.timeout(10):
            while "another client uses the same name" not in caplog.text:  # noqa: ASYNC110  # another program's doing
                await asyncio.sleep(0.02)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    asyncio.run(story())
    assert "Lost the MQTT broker" in caplog.text


ACCEPTED = b"\x20\x03\x00\x00\x00"  # MQTT 5: a CONNACK without properties


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        pytest.param(0x8B, "(closed by the broker: Server shutting down)", id="shutting down"),
        pytest.param(
            0x8E,
            "(closed by the broker: Session taken over: perhaps another client uses the same name",
            id="session taken over",
        ),
    ],
)
def test_a_brokers_farewell_is_told(
    reason: int, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    farewell = bytes([0xE0, 0x02, reason, 0x00])
    assert words in said_of(caplog, lambda _: ACCEPTED + farewell)


def test_a_broker_that_accepts_us_and_ends_the_connection_at_once_is_not_said_to_refuse_us(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """However busy we are when its word comes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(ACCEPTED)
        await writer.drain()
        writer.close()

    async def story() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            broker = Broker("127.0.0.1", server.sockets[0].getsockname()[1])
            link = MqttLink(broker, Client("one"), time.monotonic, pauses=Pauses(0.01, 0.01))
            running = asyncio.create_task(link.run())
            while caplog.text.count("Lost the MQTT broker") < 10:  # the log is no event
                time.sleep(0.003)  # noqa: ASYNC251  # a loop that is busy is what this is about
                await asyncio.sleep(0.001)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(asyncio.wait_for(story(), 20))
    assert "before accepting us" not in caplog.text
    assert "the connection was lost" in caplog.text


def test_after_a_connection_that_lasted_the_pauses_begin_again() -> None:
    accepted = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        await reader.read(1000)
        writer.write(ACCEPTED)
        await asyncio.sleep(0.2)
        writer.close()

    async def story() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            broker = Broker("127.0.0.1", server.sockets[0].getsockname()[1])
            pauses = Pauses(first_s=0.05, longest_s=3600.0, short_s=0.1)
            link = MqttLink(broker, Client("one"), time.monotonic, pauses=pauses)
            running = asyncio.create_task(link.run())
            while accepted < 12:  # noqa: ASYNC110  # doubled each time, the pauses add up to 100 s
                await asyncio.sleep(0.02)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(asyncio.wait_for(story(), 30))
