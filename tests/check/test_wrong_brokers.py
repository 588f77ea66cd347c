"""Brokers that let us in, and cannot or may not do what we need: each is named, with its cure."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tests.support.answers import that_answers
from tests.support.checking import Checked, Checker
from tests.support.installation import account, acl_without, use_accounts

from bluenova_tools.local import Mosquitto, free_port

pytestmark = pytest.mark.services


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
            "takes 20 KB.*shorter pieces.*max_packet_size 131072", id="takes no long chunk",
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
    line: str, name: str, state: str, words: str, check_at: Callable[..., Checked]
) -> None:
    with Mosquitto(config=[line]) as broker:
        check_at(broker.port, RECORDER="none").assert_names(name, state, words)


def test_a_broker_of_qos_0_does_not_say_who_may_publish(check_at: Callable[..., Checked]) -> None:
    with Mosquitto(config=["max_qos 0"]) as broker:
        checked = check_at(broker.port, RECORDER="none")
    assert checked["write bluenova/+/snapshot"].state == "skipped"
    assert checked["read homeassistant/status"].state == "ok"


def that_ends_it(packet: bytes) -> bytes:
    """What HiveMQ does with who publishes without the right: it says so, and hangs up."""
    kind = packet[0] >> 4
    return {1: b"\x20\x03\x00\x00\x00", 3: b"\xe0\x02\x87\x00"}.get(
        kind, b"\x90\x04" + packet[2:4] + b"\x00\x00"
    )


def test_a_broker_that_ends_the_connection_for_want_of_a_right(
    check_at: Callable[..., Checked],
) -> None:
    with that_answers(that_ends_it, for_long=True) as port:
        checked = check_at(port, RECORDER="none", HA_DISCOVERY="false")
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


def test_rights_that_a_collector_lacks(check_at: Callable[..., Checked]) -> None:
    acl = acl_without(
        "topic write bluenova/+/snapshot", "topic readwrite homeassistant/device/+/config"
    )
    with with_rights(acl) as broker:
        checked = check_at(broker.port, **account("collector"))
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
