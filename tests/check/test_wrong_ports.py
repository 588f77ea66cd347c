"""Ports and accounts of brokers that do not let us in: `check` names why, and the cure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.answers import that_answers
from tests.support.certificates import make_certificate, offer_tls
from tests.support.checking import Checked
from tests.support.harness import eventually
from tests.support.installation import use_accounts

from bluenova_tools.local import Mosquitto, free_port

pytestmark = pytest.mark.services


def test_a_broker_whose_name_nobody_knows(check_at: Callable[..., Checked]) -> None:
    checked = check_at(1883, MQTT_HOST="nowhere.invalid")
    checked.assert_names("broker name", "wrong", "nowhere.invalid is not known.*Set MQTT_HOST")
    assert checked["broker account"].found == "not looked at, as it needs: broker name"


def test_certificates_that_cannot_be_loaded(check_at: Callable[..., Checked]) -> None:
    checked = check_at(1883, MQTT_TLS="true", MQTT_TLS_CA="/nowhere/ca.crt")
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
    settings: Mapping[str, str], words: str, guarded: Mosquitto, check_at: Callable[..., Checked]
) -> None:
    checked = check_at(guarded.port, **settings)
    checked.assert_names("broker account", "wrong", words)
    assert checked["write bluenova/+/snapshot"].state == "skipped"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two certificates for 127.0.0.1, one of which ends in two days."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificate(folder, "long")
    make_certificate(folder, "short", days=2)
    return folder


@pytest.fixture(scope="module")
def ports(certificates: Path) -> Iterator[dict[str, int]]:
    """A broker's ports: in clear, for websockets, with TLS, and with a certificate of ours, too."""
    found = {name: free_port() for name in ("long", "short", "websockets", "mutual")}
    with Mosquitto() as broker:
        for name in ("long", "short"):
            offer_tls(broker, certificates / f"{name}.crt", found[name])
        offer_tls(broker, certificates / "long.crt", found["mutual"])
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
    case: Spoken, ports: dict[str, int], certificates: Path, check_at: Callable[..., Checked]
) -> None:
    settings = case.settings | {"RECORDER": "none"}
    if "MQTT_TLS_CA" in settings:
        settings["MQTT_TLS_CA"] = f"{certificates}/{settings['MQTT_TLS_CA']}.crt"
    checked = check_at(ports[case.port], **settings)
    checked.assert_names(case.name, case.state, case.words)


@pytest.mark.parametrize(
    ("settings", "name"),
    [({}, "broker protocol"), ({"MQTT_TLS": "true"}, "broker TLS")],
    ids=["in clear", "TLS"],
)
def test_a_frozen_broker_has_not_ended_anything_and_tls_stays_on(
    settings: Mapping[str, str], name: str, check_at: Callable[..., Checked]
) -> None:
    with Mosquitto() as broker:
        broker.freeze()
        checked = check_at(broker.port, RECORDER="none", **settings)
        broker.resume()
    checked.assert_names(name, "wrong", "(no answer|nothing came) within.*restart mosquitto")
    said = f"{checked[name].found} {checked[name].cure}"
    assert "MQTT_TLS=false" not in said
    assert "ended the connection" not in said


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
            mqtt_3_alone, "broker protocol", "MQTT 3.1.1 alone.*docs.brokers.md names some",
            id="MQTT 3.1.1 alone, which hangs up",
        ),
        pytest.param(
            mqtt_3_that_says_so, "broker protocol", "does not know MQTT 5.*docs.brokers.md",
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
    answer: Callable[[bytes], bytes], name: str, words: str, check_at: Callable[..., Checked]
) -> None:
    with that_answers(answer) as port:
        check_at(port).assert_names(name, "wrong", words)
