"""What a field says of its column and its sensor."""

import pytest

from bluenova_shared.quantity import Column, Sensor
from bluenova_shared.readings import Value


@pytest.mark.parametrize(
    ("column", "value", "held"),
    [
        pytest.param(Column("REAL", decimals=2), 12.506, 12.51, id="a fraction, rounded"),
        pytest.param(Column("REAL", decimals=2), -0.001, 0.0, id="no negative zero"),
        pytest.param(Column("REAL", decimals=2), 1e-300, 0.0, id="what REAL refuses as too small"),
        pytest.param(Column("REAL"), 12.506, 12.506, id="a fraction without a limit"),
        pytest.param(Column("SMALLINT"), 5, 5, id="a whole number"),
        pytest.param(Column("REAL", decimals=2), 5, 5, id="a whole number among fractions"),
        pytest.param(Column("VARCHAR(16)"), "IDLE", "IDLE", id="a text"),
    ],
)
def test_a_column_holds(column: Column, value: Value, held: Value) -> None:
    assert repr(column.rounded(value)) == repr(held)


@pytest.mark.parametrize(
    ("sensor", "kept"),
    [
        (Sensor("A text"), None),
        (Sensor("A number", precision=0), "measurement"),
        (Sensor("A total", precision=0, total=True), "total_increasing"),
    ],
)
def test_the_statistics_that_are_kept_of(sensor: Sensor, kept: str | None) -> None:
    assert sensor.state_class == kept
