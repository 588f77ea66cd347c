"""What a recorder makes of messages that are no snapshots: nothing, and it goes on."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pytest
from tests.support.factories import START_S, snapshot_keys
from tests.support.harness import Listener, eventually, query, recorder
from tests.support.recording import Recording

from bluenova_tools.local import Mosquitto, Postgres

pytestmark = pytest.mark.services

_batteries = count(0x1000)


@dataclass(frozen=True)
class Case:
    """A payload for the topic of battery `mcu_id`, and what the log says of it."""

    payload: bytes
    said: str
    mcu_id: str


def case(name: str, said: str, keys: dict[str, object] | bytes | str, mcu_id: str = "") -> object:
    """A battery of its own for each, so that none is held back as the same again."""
    own = f"{next(_batteries):08X}"
    if isinstance(keys, dict):
        keys = json.dumps(snapshot_keys(START_S, mcu_id or own) | keys)
    payload = keys if isinstance(keys, bytes) else keys.replace("MCU", own).encode()
    return pytest.param(Case(payload, said, own), id=name)


def raw(more: str) -> str:
    """A snapshot as text, with this behind its other keys."""
    return json.dumps(snapshot_keys(START_S, "MCU"))[:-1] + f", {more}}}"


BAD = [
    case("another battery's", "does not belong to the topic", {}, mcu_id="1A2B3C4D"),
    case("a schema of the future", "schema", {"schema": 2}),
    case("a text for a number", "soc", {"soc": "87"}),
    case("a number for a text", "errors", {"errors": 5}),
    case("an object for a number", "v_pack", {"v_pack": {"value": 5}}),
    case("a fraction for a whole number", "soc", {"soc": 87.5}),
    case("a number beyond its column", "soc", {"soc": 70_000}),
    case("a number beyond REAL", "v_pack", {"v_pack": 1e39}),
    case("a number beyond every float", "v_pack", raw('"v_pack": 1e999')),
    case("a number of 5000 digits", "", raw('"soc": ' + "9" * 5000)),
    case("NaN", "v_pack", raw('"v_pack": NaN')),
    case("infinity", "v_pack", raw('"v_pack": -Infinity')),
    case("a text that is too long", "errors", {"errors": "x" * 33}),
    case("a text with a NUL", "errors", {"errors": "a\0b"}),
    case("half a character", "", raw('"errors": "\\ud800"')),
    case("bad UTF-8", "", raw('"errors": "?"').encode().replace(b"?", b"\xff")),
    case("fifteen cells", "cell_v", {"cell_v": [3.3] * 15}),
    case("a time without a zone", "time", {"time": "2026-11-23T12:00:00"}),
    case("a time before 2020", "time", {"time": "2019-12-31T23:59:59Z"}),
    case("a time in 2100", "time", {"time": "2100-01-01T00:00:00Z"}),
    case("no time", "time", '{"schema": 1, "mcu_id": "MCU"}'),
    case("no MCU ID", "mcu_id", '{"schema": 1, "time": "2026-11-23T12:00:00Z"}'),
    case("no JSON", "", b"online"),
    case("half a snapshot", "", raw('"soc": 5')[:-20]),
    case("an array", "", b"[]"),
    case("a number", "", b"5"),
    case("null", "", b"null"),
    case("a thousand brackets", "", b"[" * 1000),
    case("objects within objects", "", b'{"a":' * 20_000),
    case("bytes of all kinds", "", bytes(range(256)) * 10),
    case("longer than any of ours", "", raw(f'"x": "{"y" * 150_000}"')),
]


@pytest.mark.parametrize("bad", BAD)
def test_not_stored_is(bad: Case, recording: Recording) -> None:
    before = len(recording.service.lines())
    recording.listener.publish(f"bluenova/{bad.mcu_id}/snapshot", bad.payload)
    recording.catch_up()
    assert recording.rows(bad.mcu_id) == []
    assert recording.rows() == []
    said = [line for line in recording.service.lines()[before:] if bad.mcu_id in line]
    assert len(said) == 1, "one line says why"
    assert bad.said in said[0]
    assert "WARNING" in said[0]
    assert len(said[0]) < 800, "a log's line, however long the message"


@pytest.mark.parametrize(
    "topic",
    [
        "bluenova/1a2b3c4d/snapshot", "bluenova/00001/snapshot", "bluenova//snapshot",
        "bluenova/+x/snapshot".replace("+", "-"), "other/0000AAAA/snapshot",
        "bluenova/0000AAAA/snapshot/x", "bluenova/0000AAAA/else",
    ],
)  # fmt: skip
def test_nothing_is_stored_from(topic: str, recording: Recording) -> None:
    recording.listener.publish(topic, json.dumps(snapshot_keys(START_S, "0000AAAA")))
    recording.catch_up()
    assert recording.rows("0000AAAA") == []


def test_of_a_key_that_comes_twice_the_last_one_counts(recording: Recording) -> None:
    text = raw('"soc": 5, "soc": 6').replace("MCU", "00000D0B")
    recording.listener.publish("bluenova/00000D0B/snapshot", text)
    recording.catch_up()
    assert [row["soc"] for row in recording.rows("00000D0B")] == [6]


def test_what_the_broker_keeps_back_as_too_long_does_not_end_the_link(
    recording: Recording,
) -> None:
    before = len(recording.service.lines())
    recording.listener.publish("bluenova/0000B166/snapshot", b"x" * 5_000_000)
    recording.catch_up()
    assert not [line for line in recording.service.lines()[before:] if "Lost" in line]


def test_a_flood_of_the_same_kind_does_not_fill_the_log(recording: Recording) -> None:
    before = len(recording.service.lines())
    for _ in range(200):
        recording.listener.publish("bluenova/0000F100/snapshot", b"no")
    recording.catch_up()
    assert 1 <= len(recording.service.lines()) - before <= 2
    assert recording.service.running


@pytest.fixture
def retained(mosquitto: Mosquitto) -> Iterator[Listener]:
    """A broker that holds a retained snapshot."""
    with Listener(mosquitto) as listener:
        payload = json.dumps(snapshot_keys(START_S, "0000AAAA"))
        listener.publish("bluenova/0000AAAA/snapshot", payload, retain=True)
        yield listener


def test_a_retained_snapshot_is_not_stored(
    mosquitto: Mosquitto,
    retained: Listener,
    postgres: Postgres,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    database = postgres.create_database("retained")
    folder = tmp_path_factory.mktemp("retained")
    try:
        with recorder(folder, database, mqtt_port=mosquitto.port) as service:
            eventually(lambda: retained.payloads("bluenova/recorder"))  # it has subscribed then
            Recording(mosquitto, database, service, retained).catch_up()
            found = query(database, "SELECT mcu_id FROM battery_pack")
            assert (0xAAAA,) not in found
            assert found
    finally:
        postgres.drop_database("retained")
