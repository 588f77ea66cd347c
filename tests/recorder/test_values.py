"""Every value reaches the table as it is: through MQTT, COPY and PostgreSQL's own types."""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.factories import START_S, snapshot_keys
from tests.support.harness import eventually
from tests.support.recording import Recording
from tests.support.strategies import snapshots

from bluenova_shared.snapshot import Snapshot
from bluenova_shared.table import COLUMNS, row
from bluenova_tools.chaos.verdict import real

pytestmark = pytest.mark.services

NAMES = ", ".join(column.name for column in COLUMNS)


@pytest.fixture(scope="module")
def cursor(recording: Recording) -> Iterator[Any]:
    """A look into the database, kept open."""
    with contextlib.closing(recording.database.connect()) as connection:
        connection.autocommit = True
        with connection.cursor() as one:
            yield one


def as_stored(snapshot: Snapshot) -> tuple[object, ...]:
    """The snapshot's row, with its columns' decimals."""
    return tuple(
        real(round(value, column.decimals) if column.decimals and value is not None else value)  # type: ignore[arg-type]  # a column with decimals holds numbers
        for column, value in zip(COLUMNS, row(snapshot), strict=True)
    )


def key(values: tuple[object, ...]) -> tuple[object, ...]:
    return values[:2]


def rows_of(cursor: Any, number: int) -> list[tuple[object, ...]]:
    """The table's rows, as soon as there are so many."""

    def enough() -> list[tuple[object, ...]] | None:
        cursor.execute(f"SELECT {NAMES} FROM battery_pack")
        rows: list[tuple[object, ...]] = cursor.fetchall()
        return rows if len(rows) >= number else None

    return sorted([tuple(map(real, values)) for values in eventually(enough) or ()], key=key)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(snapshots, min_size=1, max_size=4, unique_by=lambda one: (one.time, one.mcu_id)))
def test_any_snapshot_comes_back_from_the_table_as_it_was(
    recording: Recording, cursor: Any, given: list[Snapshot]
) -> None:
    cursor.execute("TRUNCATE battery_pack")
    for one in given:
        recording.listener.publish(f"bluenova/{one.mcu_id}/snapshot", one.to_json())
    expected = [as_stored(one) for one in given]
    assert rows_of(cursor, len(given)) == sorted(expected, key=key)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("errors", "'; DROP TABLE battery_pack; --"),
        ("errors", "can't"),
        ("errors", "a\tb\\n\\N\r\n"),
        ("errors", "\\."),
        ("errors", "\\N"),
        ("errors", ""),
        ("errors", " "),
        ("errors", "\U0001f50b" * 32),
        ("breaker", "\x01\x7f\x80"),
        ("charge_state", "ÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜ"),
        ("soc", -1),
        ("soc", 0),
        ("temp", -40),
        ("i_pack", 0.0),
        ("i_pack", -0.01),
        ("v_pack", 3.4028234663852886e38),
        ("v_pack", -3.4028234663852886e38),
    ],
)
def test_this_value_is_stored_and_not_mistaken(
    column: str, value: object, recording: Recording, cursor: Any
) -> None:
    cursor.execute("TRUNCATE battery_pack")
    recording.publish(snapshot_keys(START_S) | {column: value})
    recording.catch_up()
    cursor.execute(f"SELECT {column} FROM battery_pack WHERE mcu_id = %s", [0x1A2B3C4D])
    assert [real(found) for (found,) in cursor.fetchall()] == [real(value)]


@pytest.mark.parametrize(
    ("column", "value", "stored"),
    [
        ("v_pack", 53.1235001, 53.124),
        ("i_pack", -12.504, -12.5),
        ("health", 99.12345, 99.123),
        ("v_pack", 1e-300, 0.0),  # REAL itself refuses it
        ("v_pack", 53, 53.0),
    ],
)
def test_a_number_is_stored_with_its_columns_decimals(
    column: str, value: float, stored: float, recording: Recording, cursor: Any
) -> None:
    cursor.execute("TRUNCATE battery_pack")
    recording.publish(snapshot_keys(START_S) | {column: value})
    recording.catch_up()
    cursor.execute(f"SELECT {column} FROM battery_pack WHERE mcu_id = %s", [0x1A2B3C4D])
    assert [real(found) for (found,) in cursor.fetchall()] == [real(stored)]


def test_what_the_battery_did_not_say_is_null(recording: Recording, cursor: Any) -> None:
    cursor.execute("TRUNCATE battery_pack")
    recording.publish(snapshot_keys(START_S))
    recording.catch_up()
    (found,) = recording.rows()
    assert found.pop("insert_time_utc") == datetime(2026, 11, 23, 12, 0, 0)  # noqa: DTZ001  # the column has no zone
    assert found.pop("mcu_id") == 0x1A2B3C4D
    counters = {name: found.pop(name) for name in ("bad_crc", "parse_fail", "bad_vcell")}
    assert counters == {"bad_crc": 0, "parse_fail": 0, "bad_vcell": 0}
    assert set(found.values()) == {None}
