"""Brokers that do not serve us as they should: `check` names each, and its cure."""

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from tests.support.checking import Checked, Checker
from tests.support.factories import MCU_ID, open_outbox
from tests.support.harness import Listener, collector, eventually, wait_until_ready
from tests.support.installation import account, acl_without, use_accounts
from tests.support.outboxes import MEMORY

from bluenova_tools.local import Mosquitto, free_port

pytestmark = pytest.mark.services


@pytest.fixture
def check(checker: Checker, tmp_path: Path) -> Callable[..., Checked]:
    """A check of a collector whose battery is away."""

    def run(port: int, **settings: Any) -> Checked:
        return checker.collector(
            {
                "BATTERY_PORT": free_port(),
                "MQTT_HOST": "127.0.0.1",
                "MQTT_PORT": port,
                "OUTBOX_PATH": tmp_path / "outbox.sqlite",
                **settings,
            }
        )

    return run


def test_a_broker_whose_name_nobody_knows(check: Callable[..., Checked]) -> None:
    checked = check(1883, MQTT_HOST="nowhere.invalid")
    checked.assert_names("broker name", "wrong", "nowhere.invalid is not known.*Set MQTT_HOST")
    assert checked["broker account"].found == "not looked at, as it needs: broker name"


def test_certificates_that_cannot_be_loaded(check: Callable[..., Checked]) -> None:
    checked = check(1883, MQTT_TLS="true", MQTT_TLS_CA="/nowhere/ca.crt")
    checked.assert_names(
        "settings", "wrong", "MQTT_TLS_CA is '/nowhere/ca.crt'.*Set it to the file"
    )


@pytest.fixture(scope="module")
def guarded() -> Iterator[Mosquitto]:
    """A broker with the accounts of docker-compose.yml."""
    with Mosquitto(anonymous=False) as broker:
        use_accounts(broker)
        broker.restart()
        yield broker


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        pytest.param(
            {"MQTT_USERNAME": "collector", "MQTT_PASSWORD": "guessed"},
            r"does not let in: collector, with this password \(Not authorized\).*MQTT_PASSWORD_FILE"
            ".*secrets renew collector && docker compose restart mosquitto collector",
            id="a wrong password",
        ),
        pytest.param({}, "nobody without account.*Set MQTT_USERNAME", id="no account"),
    ],
)
def test_an_account_that_is_not_let_in(
    settings: Mapping[str, str], words: str, guarded: Mosquitto, check: Callable[..., Checked]
) -> None:
    checked = check(guarded.port, **settings)
    checked.assert_names("broker account", "wrong", words)
    assert checked["write bluenova/+/snapshot"].state == "skipped"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two certificates for 127.0.0.1, one of which ends in two days."""
    folder = tmp_path_factory.mktemp("certificates")
    for name, days in (("long", "365"), ("short", "2")):
        subprocess.run(
            f"openssl req -x509 -newkey rsa:2048 -nodes -days {days} -subj /CN=127.0.0.1 "
            f"-addext subjectAltName=IP:127.0.0.1 -keyout {folder}/{name}.key "
            f"-out {folder}/{name}.crt".split(),
            check=True,
            capture_output=True,
        )
    return folder


@pytest.fixture(scope="module")
def ports(certificates: Path) -> Iterator[dict[str, int]]:
    """A broker's ports: in clear, for websockets, with TLS, and with a certificate of ours, too."""
    found = {name: free_port() for name in ("long", "short", "websockets", "mutual")}
    with Mosquitto() as broker:
        for file in certificates.iterdir():
            copy = broker.folder / file.name  # in a folder that its user can enter
            copy.write_bytes(file.read_bytes())
            copy.chmod(0o644)
        pair = "certfile {0}/{1}.crt", "keyfile {0}/{1}.key"
        for name in ("long", "short"):
            broker.config += [f"listener {found[name]} 127.0.0.1"]
            broker.config += [line.format(broker.folder, name) for line in pair]
        broker.config += [f"listener {found['mutual']} 127.0.0.1"]
        broker.config += [line.format(broker.folder, "long") for line in pair]
        broker.config += [f"cafile {broker.folder}/long.crt", "require_certificate true"]
        broker.config += [f"listener {found['websockets']} 127.0.0.1", "protocol websockets"]
        broker.restart()
        eventually(lambda: broker.log.read_text().count("running") == 2)
        yield {**found, "clear": broker.port}


@dataclass(frozen=True)
class Spoken:
    """A port that is spoken to with these settings, and what comes of it."""

    port: str
    settings: dict[str, str]
    name: str
    words: str
    state: str = "wrong"


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            Spoken("long", {}, "broker protocol", "speaks TLS.*Set MQTT_TLS=true"),
            id="TLS that is not set",
        ),
        pytest.param(
            Spoken(
                *("clear", {"MQTT_TLS": "true"}, "broker TLS"),
                "does not speak TLS.*Set MQTT_TLS=false.*8883",
            ),
            id="TLS that is not spoken",
        ),
        pytest.param(
            Spoken(
                "long", {"MQTT_TLS": "true"}, "broker TLS", "not trusted.*Set MQTT_TLS_CA",
            ),
            id="an authority that is not known",
        ),
        pytest.param(
            Spoken(
                "long", {"MQTT_TLS": "true", "MQTT_TLS_CA": "long", "MQTT_HOST": "localhost"},
                "broker TLS", "ostname mismatch.*Set MQTT_HOST to a name",
            ),
            id="a certificate for another name",
        ),
        pytest.param(
            Spoken(
                "short", {"MQTT_TLS": "true", "MQTT_TLS_CA": "short"}, "broker TLS",
                "certificate ends in (48 h|2 days).*Renew server.crt", "warning",
            ),
            id="a certificate that ends soon",
        ),
        pytest.param(
            Spoken(
                "mutual", {"MQTT_TLS": "true", "MQTT_TLS_CA": "long"}, "broker protocol",
                "no answer in MQTT 5.*set MQTT_TLS_CERT",
            ),
            id="a certificate of ours that is missing",
        ),
        pytest.param(
            Spoken(
                "websockets", {}, "broker protocol", "no MQTT broker.*not that for websockets",
            ),
            id="a port for websockets",
        ),
    ],
)  # fmt: skip
def test_a_port_that_is_spoken_to_in_the_wrong_way(
    case: Spoken, ports: dict[str, int], certificates: Path, check: Callable[..., Checked]
) -> None:
    settings = case.settings | {"RECORDER": "none"}
    if "MQTT_TLS_CA" in settings:
        settings["MQTT_TLS_CA"] = f"{certificates}/{settings['MQTT_TLS_CA']}.crt"
    checked = check(ports[case.port], **settings)
    checked.assert_names(case.name, case.state, case.words)


@contextmanager
def that_answers(answer: Callable[[bytes], bytes], *, for_long: bool = False) -> Iterator[int]:
    """The port of a server that answers a packet so, and hangs up; or `for_long` each packet."""

    def talk(client: socket.socket) -> None:
        with client, suppress(OSError):
            while packet := client.recv(1000):
                client.sendall(answer(packet))
                if not for_long:
                    return

    def serve(server: socket.socket) -> None:
        with suppress(OSError):  # it is closed
            while True:
                threading.Thread(target=talk, args=server.accept()[:1], daemon=True).start()

    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def mqtt_3_alone(packet: bytes) -> bytes:
    """What amqtt and RabbitMQ before 4 do: they accept level 4, and hang up on level 5."""
    return b"\x20\x02\x00\x00" if b"MQTT\x04" in packet else b""


def mqtt_3_that_says_so(packet: bytes) -> bytes:
    """What aedes, NATS and Moquette do."""
    return b"\x20\x02\x00\x00" if b"MQTT\x04" in packet else b"\x20\x02\x00\x01"


@pytest.mark.parametrize(
    ("answer", "name", "words"),
    [
        pytest.param(
            mqtt_3_alone, "broker protocol", "MQTT 3.1.1 alone.*Mosquitto 1.6 or newer",
            id="MQTT 3.1.1 alone, which hangs up",
        ),
        pytest.param(
            mqtt_3_that_says_so, "broker protocol", "does not know MQTT 5.*Mosquitto 1.6 or newer",
            id="MQTT 3.1.1 alone, which says so",
        ),
        pytest.param(
            lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n", "broker protocol",
            "no MQTT broker.*Set MQTT_PORT", id="HTTP",
        ),
        pytest.param(
            lambda _: b"\x20\x03\x00\x97\x00", "broker account",
            "Quota exceeded.*docker compose logs mosquitto", id="a broker that is full",
        ),
    ],
)  # fmt: skip
def test_what_answers_otherwise(
    answer: Callable[[bytes], bytes], name: str, words: str, check: Callable[..., Checked]
) -> None:
    with that_answers(answer) as port:
        check(port).assert_names(name, "wrong", words)


def test_a_broker_without_shared_subscriptions(checker: Checker) -> None:
    # CONNACK: accepted; properties: shared subscriptions are not available.
    with that_answers(lambda _: b"\x20\x05\x00\x00\x02\x2a\x00") as port:
        checked = checker.recorder({"MQTT_PORT": port, "MQTT_HOST": "127.0.0.1", "PGPORT": "1"})
    checked.assert_names("broker sharing", "wrong", "no shared subscriptions.*Switch them on")


@pytest.mark.parametrize(
    ("line", "name", "state", "words"),
    [
        pytest.param(
            "retain_available false", "broker retained", "warning",
            "keeps no messages.*Switch retained messages on", id="retains nothing",
        ),
        pytest.param(
            "max_packet_size 20000", "broker packet size", "warning",
            "takes 20 KB.*shorter pieces.*max_packet_size 262144", id="takes no long chunk",
        ),
        pytest.param(
            "max_packet_size 3000", "broker packet size", "wrong",
            "takes 3 KB.*we need 8.19 KB.*max_packet_size", id="takes no discovery",
        ),
        pytest.param(
            "message_size_limit 3000", "broker packet size", "wrong",
            "8.19 KB does not get through.*no message_size_limit", id="refuses it without a word",
        ),
        pytest.param(
            "message_size_limit 50000", "broker packet size", "warning",
            "8.19 KB gets through.*no message_size_limit", id="refuses a chunk without a word",
        ),
    ],
)  # fmt: skip
def test_a_broker_that_can_do_less(
    line: str, name: str, state: str, words: str, check: Callable[..., Checked]
) -> None:
    with Mosquitto(config=[line]) as broker:
        check(broker.port, RECORDER="none").assert_names(name, state, words)


def test_a_broker_of_qos_0_does_not_say_who_may_publish(check: Callable[..., Checked]) -> None:
    with Mosquitto(config=["max_qos 0"]) as broker:
        checked = check(broker.port, RECORDER="none")
    assert checked["write bluenova/+/snapshot"].state == "skipped"
    assert checked["read homeassistant/status"].state == "ok"


def that_ends_it(packet: bytes) -> bytes:
    """What HiveMQ does with who publishes without the right: it says so, and hangs up."""
    kind = packet[0] >> 4
    return {1: b"\x20\x03\x00\x00\x00", 3: b"\xe0\x02\x87\x00"}.get(
        kind, b"\x90\x04" + packet[2:4] + b"\x00\x00"
    )


def test_a_broker_that_ends_the_connection_for_want_of_a_right(
    check: Callable[..., Checked],
) -> None:
    with that_answers(that_ends_it, for_long=True) as port:
        checked = check(port, RECORDER="none", HA_DISCOVERY="false")
    assert checked["broker packet size"].state == "skipped"
    for topic in ("bluenova/+/snapshot", "bluenova/collector/+"):
        words = r"may not publish on it \(closed by the broker: Not authorized\).*topic write"
        checked.assert_names(f"write {topic}", "wrong", words)


@contextmanager
def with_rights(acl: str) -> Iterator[Mosquitto]:
    with Mosquitto(anonymous=False) as broker:
        use_accounts(broker, acl)
        broker.restart()
        yield broker


def test_rights_that_a_collector_lacks(check: Callable[..., Checked]) -> None:
    acl = acl_without(
        "topic write bluenova/+/snapshot", "topic readwrite homeassistant/device/+/config"
    )
    with with_rights(acl) as broker:
        checked = check(broker.port, **account("collector"))
    for topic in ("bluenova/+/snapshot", "homeassistant/device/+/config"):
        checked.assert_names(
            f"write {topic}",
            "wrong",
            r"collector may not publish on it \(Not authorized\).*below `user collector`: "
            f"topic write {topic.replace('+', '[+]')}.*restart mosquitto",
        )
    assert checked["write bluenova/+/backlog"].state == "ok"


def test_rights_that_a_recorder_lacks(checker: Checker) -> None:
    acl = acl_without("topic write bluenova/+/recorded", "topic read bluenova/+/snapshot")
    with with_rights(acl) as broker:
        settings = {"MQTT_PORT": broker.port, "MQTT_HOST": broker.host, "PGHOST": "127.0.0.1"}
        checked = checker.recorder({**settings, "PGPORT": free_port(), **account("recorder")})
    checked.assert_names("write bluenova/+/recorded", "wrong", "topic write bluenova/./recorded")
    # Mosquitto grants the subscription, and delivers nothing.
    checked.assert_names(
        "snapshots", "wrong", "none came.*bluenova-collector check.*topic read bluenova/./snapshot"
    )


def test_nobody_who_records(mosquitto: Mosquitto, check: Callable[..., Checked]) -> None:
    checked = check(mosquitto.port)
    checked.assert_names("recorder", "wrong", "docker compose up -d recorder.*RECORDER=none")
    assert check(mosquitto.port, RECORDER="none")["recorder"].state == "skipped"


@pytest.fixture
def named(tmp_path: Path) -> str:
    """The name of a collector that has an outbox and does not run."""
    outbox = open_outbox(tmp_path / "outbox.sqlite")
    outbox.commit([], MEMORY)
    outbox.close()
    return outbox.name


def test_another_collector_with_our_name(
    named: str, mosquitto: Mosquitto, check: Callable[..., Checked]
) -> None:
    with Listener(mosquitto) as other:
        assert check(mosquitto.port)["own name"].state == "ok"
        other.publish(f"bluenova/collector/{named}", "online", retain=True)
        checked = check(mosquitto.port)
    words = f"another collector called {named} is online.*never a copy"
    checked.assert_names("own name", "wrong", words)


def test_two_collectors_that_throw_each_other_out(
    named: str, mosquitto: Mosquitto, tmp_path: Path, check: Callable[..., Checked]
) -> None:
    rival = paho.Client(CallbackAPIVersion.VERSION2, named, protocol=paho.MQTTv5)
    done = threading.Event()

    def come_again() -> None:
        if not done.is_set():
            rival.reconnect()

    rival.on_disconnect = lambda *_: come_again()
    files: dict[str, Any] = {
        "HEALTH_FILE": tmp_path / "health.json",
        "OUTBOX_PATH": tmp_path / "outbox.sqlite",
    }
    with collector(
        tmp_path, battery_port=free_port(), mqtt_port=mosquitto.port, **files
    ) as service:
        wait_until_ready(service)
        rival.connect(mosquitto.host, mosquitto.port)
        rival.loop_start()
        while (checked := check(mosquitto.port, **files))["own name"].state != "wrong":
            pass  # the test's own time limit ends this
        done.set()
        rival.disconnect()
        rival.loop_stop()
    words = "(came and went .* times|has had no broker for).*two have this name.*never a copy"
    checked.assert_names("own name", "wrong", words)


def test_another_collector_of_this_battery(
    tmp_path: Path, mosquitto: Mosquitto, check: Callable[..., Checked]
) -> None:
    port = free_port()
    outbox = open_outbox(tmp_path / "outbox.sqlite", battery=f"127.0.0.1:{port}")
    outbox.commit([], MEMORY)
    outbox.close()
    topic = f"homeassistant/device/bluenova_{MCU_ID}_battery/config"
    with Listener(mosquitto) as other:
        other.publish(topic, '{"avty":[{"t":"bluenova/collector/0ther"}]}', retain=True)
        checked = check(mosquitto.port, BATTERY_PORT=port)
        checked.assert_names(
            "home assistant discovery", "wrong", "another collector: 0ther.*stop the other one"
        )
        mine = f'{{"avty":[{{"t":"bluenova/collector/{outbox.name}"}}]}}'
        other.publish(topic, mine, retain=True)
        checked = check(mosquitto.port, BATTERY_PORT=port)
        checked.assert_names("home assistant discovery", "warning", "5 of 5.*restart collector")
