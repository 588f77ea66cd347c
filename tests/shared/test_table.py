"""The table is the C program's: its columns, their order, their types."""

import re
from datetime import datetime

from hypothesis import given
from tests.support.c_program import C_PROGRAM
from tests.support.strategies import snapshots

from bluenova_shared.quantity import Counted, Line
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.table import COLUMNS, KEY, TABLE, marked, quantities, row


def test_the_columns_begin_with_the_c_programs_in_its_order() -> None:
    assert len(C_PROGRAM) == 59
    assert [(column.name, column.sql_type) for column in COLUMNS][:59] == C_PROGRAM


def test_the_table_and_its_key_have_their_names() -> None:
    assert (TABLE, set(KEY)) == ("battery_pack", {"mcu_id", "insert_time_utc"})


def test_no_column_comes_twice_and_all_are_lower_case() -> None:
    names = [column.name for column in COLUMNS]
    assert len(set(names)) == len(names)
    assert names == [name.lower() for name in names]


def test_what_is_judged_or_names_the_snapshot_has_no_column() -> None:
    stored = {name for name, *_ in quantities()}
    assert Snapshot.model_fields.keys() - stored == {
        *("schema_", "time", "mcu_id", "id", "cell_spread_alarm")
    }


def test_whatever_has_a_console_line_has_a_column() -> None:
    """Without one it would be neither read nor stored, and nobody would notice."""
    fields = Snapshot.model_fields.items()
    read = {name for name, field in fields if marked(field, Line) or marked(field, Counted)}
    assert read <= {name for name, *_ in quantities()}


@given(snapshots)
def test_each_value_stands_in_its_own_column(snapshot: Snapshot) -> None:
    values = dict(zip([column.name for column in COLUMNS], row(snapshot), strict=True))
    time = values["insert_time_utc"]
    assert isinstance(time, datetime)
    assert time.tzinfo is None
    assert time.isoformat() + "+00:00" == snapshot.time.isoformat()
    assert values["mcu_id"] == int(snapshot.mcu_id, 16)
    for cell in range(16):
        assert values[f"cell_{cell + 1:02}_v"] == snapshot.cell_v[cell]
        assert values[f"cell_{cell + 1:02}_t"] == snapshot.cell_t[cell]
    for channel in range(5):
        assert values[f"adc_{channel}"] == snapshot.adc[channel]
    plain = [name for name, _ in C_PROGRAM[2:] if not re.match(r"cell_\d|adc_\d", name)]
    assert len(plain) == 59 - 2 - 2 * 16 - 5
    assert {name: values[name] for name in plain} == {n: getattr(snapshot, n) for n in plain}
