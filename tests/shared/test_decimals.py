"""Numbers of other programs' snapshots are rounded as the table holds them."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from tests.support.factories import START_S, snapshot_keys
from tests.support.strategies import any_reals

from bluenova_shared.decimals import ExactSnapshot, rounded
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.table import quantities
from bluenova_shared.wire import read_chunk, read_item

NUMBERS = {name: column.rounded for name, _, column in quantities() if column.decimals is not None}
ARRAYS = {"cell_v": 16, "adc": 5}
read_exact = TypeAdapter(ExactSnapshot).validator.validate_json


def held(name: str, value: object) -> object:
    if isinstance(value, list):
        return tuple(held(name, one) for one in value)
    return NUMBERS[name](value)  # type: ignore[arg-type]  # what is no list is a number


def payload(values: Mapping[str, object]) -> bytes:
    return json.dumps({**snapshot_keys(START_S), **values}).encode()


any_numbers = st.fixed_dictionaries(
    {},
    optional={
        name: st.lists(any_reals, min_size=ARRAYS[name], max_size=ARRAYS[name])
        if name in ARRAYS
        else any_reals
        for name in NUMBERS
    },
)


@given(any_numbers)
def test_any_number_comes_as_the_table_holds_it(values: dict[str, object]) -> None:
    one = read_item(payload(values))
    (of_chunk,) = read_chunk(b"[" + payload(values) + b"]")
    assert one == of_chunk
    for name, value in values.items():
        assert repr(getattr(one, name)) == repr(held(name, value))


@pytest.mark.parametrize("name", NUMBERS)
def test_no_field_has_more_decimals_than_its_column(name: str) -> None:
    value = 1.00005 if name == "adc" else 1.2344 if name != "i_pack" else 1.232
    values = {name: [value] * ARRAYS[name] if name in ARRAYS else value}
    with pytest.raises(ValidationError, match="multiple"):
        read_exact(payload(values))
    assert getattr(read_item(payload(values)), name) == held(name, values[name])


@pytest.mark.parametrize(
    "value", ["1e-300", "1E-300", "-1.5e-9", "0.0e-5", f"0.{49 * '0'}1", "0.0000000001", "-0.00000"]
)
def test_what_is_nearly_0_is_0(value: str) -> None:
    text = payload({"v_pack": 12345}).replace(b"12345", value.encode())
    one = read_item(text)
    assert isinstance(one, Snapshot)
    assert one.v_pack == 0


@pytest.mark.parametrize("value", ["1.2340000001", "1.2340000000000002", "12340000001e-10"])
def test_what_is_nearly_exact_is_rounded_too(value: str) -> None:
    text = payload({"v_pack": 12345}).replace(b"12345", value.encode())
    assert getattr(read_item(text), "v_pack") == 1.234  # noqa: B009  # an Event has none


@pytest.mark.parametrize("name", ["temp", "soc", "bad_crc", "n_units"])
def test_a_whole_number_with_decimals_is_refused_and_not_rounded(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        read_item(payload({name: 1.5}))


@pytest.mark.parametrize(
    "text", [b"", b"{", b'"\\ud800"', b"[" * 5000, b'{"v_pack": 1e-300', b"\xff\\"]
)
def test_what_is_no_json_stays_as_it_is(text: bytes) -> None:
    assert rounded(text) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300, "1.23456", True])
def test_what_is_no_number_is_refused_for_that(value: object) -> None:
    with pytest.raises(ValidationError) as one:
        read_item(payload({"v_pack": value}))
    assert [details["loc"][-1] for details in one.value.errors()] == ["v_pack"]
