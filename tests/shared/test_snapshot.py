"""The Snapshot: what it takes, what it refuses, and that JSON changes nothing of it."""

import json
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.support.strategies import snapshots, zones

from bluenova_shared.quantity import REAL_MAX
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.wire import to_chunk_json

CONTRACT = [
    "schema", "time", "mcu_id", "n_units", "unit_rank", "cell_count", "cell_v", "cell_t",
    "v_pack", "i_pack", "temp", "v_cell_min", "v_cell_max", "soc", "health", "errors",
    "system_state", "breaker", "charge_state", "energy_in", "energy_out", "adc_vp", "adc",
    "bad_crc", "parse_fail", "bad_vcell", "power", "cell_delta",
]  # fmt: skip
NOON = "2026-11-23T12:00:00Z"


def read(**keys: object) -> Snapshot:
    """A snapshot from JSON with these keys."""
    known: dict[str, object] = {"schema": 1, "time": NOON, "mcu_id": "1A2B3C4D"}
    return Snapshot.model_validate_json(json.dumps(known | keys))


def refused(**keys: object) -> str:
    """Why there is no snapshot from JSON with these keys."""
    with pytest.raises(ValidationError) as raised:
        read(**keys)
    return str(raised.value)


@given(snapshots)
def test_a_snapshot_comes_back_from_json_as_it_was(snapshot: Snapshot) -> None:
    assert Snapshot.model_validate_json(snapshot.to_json()) == snapshot


@given(snapshots)
def test_the_json_is_plain_json_in_utc_without_infinities(snapshot: Snapshot) -> None:
    def no_constants(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    keys = json.loads(snapshot.to_json(), parse_constant=no_constants)
    assert keys["time"].endswith("Z")
    assert len(keys["time"]) == len(NOON)
    assert all(isfinite(value) for value in keys.values() if isinstance(value, float))


@given(snapshots)
def test_what_is_derived_is_no_negative_zero(snapshot: Snapshot) -> None:
    assert "-0.0" not in [str(value) for value in (snapshot.power, snapshot.cell_delta)]


def test_the_json_has_the_contracts_keys_and_unknown_is_null() -> None:
    keys = json.loads(read().to_json())
    # What is derived, or for receipts, may become more.
    assert [key for key in keys if key in CONTRACT] == CONTRACT
    assert (keys["schema"], keys["time"], keys["mcu_id"]) == (1, NOON, "1A2B3C4D")
    assert (keys["cell_v"], keys["cell_t"], keys["adc"]) == ([None] * 16, [None] * 16, [None] * 5)
    assert (keys["bad_crc"], keys["parse_fail"], keys["bad_vcell"]) == (0, 0, 0)
    assert {keys[key] for key in ("soc", "temp", "i_pack", "errors", "power", "cell_delta")} == {
        None
    }


def test_in_a_chunk_it_has_the_same_keys_without_what_follows_from_the_others() -> None:
    whole = json.loads(read(soc=5).to_json())
    in_chunk = json.loads(to_chunk_json(read(soc=5)))
    assert in_chunk.items() <= whole.items()
    assert whole.keys() - in_chunk.keys() == set(Snapshot.model_computed_fields)


def test_power_and_cell_delta_follow_from_what_was_measured() -> None:
    idle = read(v_pack=53.123, i_pack=0.0, v_cell_max=3.345, v_cell_min=3.301)
    assert (idle.power, idle.cell_delta) == (0.0, 0.044)
    assert read(v_pack=50.0, i_pack=-12.5).power == -625.0
    assert read(v_pack=50.0).power is None
    assert read(v_cell_max=3.3).cell_delta is None


def test_unknown_keys_are_ignored() -> None:
    assert read(soc=5, colour="blue", power=1, sensors={"a": [1]}).soc == 5


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        pytest.param({"schema": 2}, "schema", id="a schema of the future"),
        pytest.param({"schema": "1"}, "schema", id="a schema that is a text"),
        pytest.param({"schema": None}, "schema", id="a schema that is null"),
        pytest.param({"mcu_id": "1a2b3c4d"}, "mcu_id", id="an MCU ID in lower case"),
        pytest.param({"mcu_id": "1A2B3C4"}, "mcu_id", id="an MCU ID of seven digits"),
        pytest.param({"mcu_id": "1A2B3C4D\n"}, "mcu_id", id="an MCU ID with a line ending"),
        pytest.param({"mcu_id": "00000000"}, "mcu_id", id="an MCU ID of zeros"),
        pytest.param({"mcu_id": "FFFFFFFF"}, "mcu_id", id="an MCU ID of ones"),
        pytest.param({"mcu_id": 439041101}, "mcu_id", id="an MCU ID that is a number"),
        pytest.param({"soc": 32768}, "soc", id="one more than SMALLINT"),
        pytest.param({"soc": -32769}, "soc", id="one less than SMALLINT"),
        pytest.param({"soc": 87.0}, "soc", id="a fraction where a whole number belongs"),
        pytest.param({"soc": "87"}, "soc", id="a text where a number belongs"),
        pytest.param({"soc": True}, "soc", id="true where a number belongs"),
        pytest.param({"v_pack": REAL_MAX * 1.0001}, "v_pack", id="more than REAL"),
        pytest.param({"v_pack": float("nan")}, "v_pack", id="NaN"),
        pytest.param({"v_pack": float("-inf")}, "v_pack", id="minus infinity"),
        pytest.param({"v_pack": "53"}, "v_pack", id="a text where a REAL belongs"),
        pytest.param({"errors": "x" * 33}, "errors", id="33 characters"),
        pytest.param({"charge_state": "x" * 17}, "charge_state", id="17 characters"),
        pytest.param({"errors": "a\0b"}, "errors", id="a NUL"),
        pytest.param({"errors": "\ud800"}, "JSON", id="half a character"),
        pytest.param({"errors": 5}, "errors", id="a number where a text belongs"),
        pytest.param({"cell_v": [3.3] * 15}, "cell_v", id="fifteen cells"),
        pytest.param({"cell_v": [3.3] * 17}, "cell_v", id="seventeen cells"),
        pytest.param({"cell_v": None}, "cell_v", id="no array of cells"),
        pytest.param({"cell_t": [1.5] + [None] * 15}, "cell_t", id="half a degree in a cell"),
        pytest.param({"adc": [1.0] * 6}, "adc", id="six ADC channels"),
        pytest.param({"bad_crc": -1}, "bad_crc", id="a counter below zero"),
        pytest.param({"bad_crc": None}, "bad_crc", id="a counter that is null"),
    ],
)
def test_refused_is(keys: dict[str, Any], said: str) -> None:
    assert said in refused(**keys)


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param({"soc": 32767, "temp": -32768}, id="the ends of SMALLINT"),
        pytest.param({"v_pack": REAL_MAX, "i_pack": -REAL_MAX}, id="the ends of REAL"),
        pytest.param({"v_pack": 53}, id="a whole number for a REAL"),
        pytest.param({"errors": "\U0001f50b" * 32, "breaker": ""}, id="32 characters of any kind"),
        pytest.param({"mcu_id": "00000001"}, id="the smallest MCU ID"),
        pytest.param({"mcu_id": "FFFFFFFE"}, id="the largest MCU ID"),
    ],
)
def test_taken_as_it_is(keys: dict[str, Any]) -> None:
    taken = read(**keys)
    assert {key: getattr(taken, key) for key in keys} == keys


def test_a_key_that_the_contract_demands_may_not_be_missing() -> None:
    for key in ("time", "mcu_id"):
        keys = {"schema": 1, "time": NOON, "mcu_id": "1A2B3C4D"}
        del keys[key]
        with pytest.raises(ValidationError, match=key):
            Snapshot.model_validate_json(json.dumps(keys))


@pytest.mark.parametrize(
    "time",
    [
        pytest.param("2019-12-31T23:59:59Z", id="before 2020"),
        pytest.param("2100-01-01T00:00:00Z", id="in 2100"),
        pytest.param("2020-01-01T00:00:00+23:59", id="before 2020 by its offset"),
        pytest.param("2099-12-31T23:59:59-23:59", id="in 2100 by its offset"),
        pytest.param("9999-12-31T23:59:59-23:59", id="beyond the calendar"),
        pytest.param("0001-01-01T00:00:00+23:59", id="before the calendar"),
        pytest.param("2026-11-23T12:00:00", id="without a zone"),
        pytest.param("2026-11-23T12:00:00.5Z", id="with half a second"),
        pytest.param("2026-11-23T23:59:60Z", id="with a leap second"),
        pytest.param("2026-11-23T12:00:00-24:00", id="with an offset of a day"),
        pytest.param("2026-02-29T12:00:00Z", id="on a day that there is not"),
        pytest.param("2026-11-23T12:00:00+00:00:30", id="with an offset in seconds"),
        pytest.param("2026-11-23 12:00:00Z", id="with a blank for the T"),
        pytest.param("2026-11-23T12:00Z", id="without seconds"),
        pytest.param("20261123T120000Z", id="without its marks"),
        pytest.param("2026-W48-1T12:00:00Z", id="by the week"),
        pytest.param("2026-11-23", id="a day"),
        pytest.param("noon", id="a word"),
        pytest.param("", id="an empty text"),
        pytest.param(1795435200, id="a number"),
        pytest.param("1795435200", id="a number in quotes"),
        pytest.param(None, id="null"),
    ],
)
def test_a_time_is_refused(time: object) -> None:
    assert "time" in refused(time=time)


@pytest.mark.parametrize(
    ("time", "in_utc"),
    [
        ("2026-11-23T12:00:00+00:00", "2026-11-23T12:00:00Z"),
        ("2026-11-23T12:00:00.000Z", "2026-11-23T12:00:00Z"),
        ("2026-11-23T00:00:00+23:59", "2026-11-22T00:01:00Z"),
        ("2026-11-23T00:00:00-23:59", "2026-11-23T23:59:00Z"),
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
        ("2099-12-31T23:59:59Z", "2099-12-31T23:59:59Z"),
    ],
)
def test_a_time_of_any_zone_becomes_utc(time: str, in_utc: str) -> None:
    assert json.loads(read(time=time).to_json())["time"] == in_utc


# About both ends of what is taken: most times of any year are far from them.
near_an_end = st.builds(
    lambda end, after_s, zone: (end + timedelta(seconds=after_s)).astimezone(zone),
    st.sampled_from([datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)]),
    st.integers(-2, 2) | st.integers(-2 * 86400, 2 * 86400) | st.sampled_from([-0.5, 0.000001]),
    zones,
)


@given(near_an_end | st.datetimes(timezones=zones))
def test_a_time_of_any_zone_is_judged_by_its_instant(time: datetime) -> None:
    since_1970 = time - datetime(1970, 1, 1, tzinfo=UTC)
    good = (
        not since_1970.microseconds and 1_577_836_800 <= since_1970.total_seconds() < 4_102_444_800
    )
    if not good:
        with pytest.raises(ValidationError):
            Snapshot(time=time, mcu_id="1A2B3C4D")
        return
    taken = Snapshot(time=time, mcu_id="1A2B3C4D")
    assert taken.time == time
    assert taken.time.tzinfo is UTC


def test_a_time_of_no_zone_is_refused_from_our_own_code_too() -> None:
    with pytest.raises(ValidationError, match="a time without its zone"):
        Snapshot(time=datetime(2026, 11, 23, 12), mcu_id="1A2B3C4D")  # noqa: DTZ001  # as is tried


def test_a_snapshot_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read().soc = 5  # type: ignore[misc]  # that is what is tried


@given(st.binary(max_size=200) | st.text().map(lambda text: text.encode("utf-8", "replace")))
def test_no_payload_breaks_the_reader(payload: bytes) -> None:
    with pytest.raises(ValidationError):  # none of these can be a snapshot
        Snapshot.model_validate_json(payload)
