"""The table is the C program's: its columns, their order, their types."""

from datetime import datetime

from hypothesis import given
from tests.shared.snapshots import snapshots

from bluenova_shared.snapshot import Snapshot
from bluenova_shared.table import COLUMNS, KEY, TABLE, row

# By hand, from the C program's own CREATE TABLE. A new quantity comes behind these.
C_PROGRAM = [
    ("insert_time_utc", "TIMESTAMP"),
    ("mcu_id", "BIGINT"),
    ("n_units", "SMALLINT"),
    ("unit_rank", "SMALLINT"),
    ("cell_count", "SMALLINT"),
    ("cell_01_v", "REAL"),
    ("cell_02_v", "REAL"),
    ("cell_03_v", "REAL"),
    ("cell_04_v", "REAL"),
    ("cell_05_v", "REAL"),
    ("cell_06_v", "REAL"),
    ("cell_07_v", "REAL"),
    ("cell_08_v", "REAL"),
    ("cell_09_v", "REAL"),
    ("cell_10_v", "REAL"),
    ("cell_11_v", "REAL"),
    ("cell_12_v", "REAL"),
    ("cell_13_v", "REAL"),
    ("cell_14_v", "REAL"),
    ("cell_15_v", "REAL"),
    ("cell_16_v", "REAL"),
    ("cell_01_t", "SMALLINT"),
    ("cell_02_t", "SMALLINT"),
    ("cell_03_t", "SMALLINT"),
    ("cell_04_t", "SMALLINT"),
    ("cell_05_t", "SMALLINT"),
    ("cell_06_t", "SMALLINT"),
    ("cell_07_t", "SMALLINT"),
    ("cell_08_t", "SMALLINT"),
    ("cell_09_t", "SMALLINT"),
    ("cell_10_t", "SMALLINT"),
    ("cell_11_t", "SMALLINT"),
    ("cell_12_t", "SMALLINT"),
    ("cell_13_t", "SMALLINT"),
    ("cell_14_t", "SMALLINT"),
    ("cell_15_t", "SMALLINT"),
    ("cell_16_t", "SMALLINT"),
    ("v_pack", "REAL"),
    ("i_pack", "REAL"),
    ("temp", "SMALLINT"),
    ("v_cell_min", "REAL"),
    ("v_cell_max", "REAL"),
    ("soc", "SMALLINT"),
    ("health", "REAL"),
    ("errors", "VARCHAR(32)"),
    ("system_state", "VARCHAR(32)"),
    ("breaker", "VARCHAR(32)"),
    ("charge_state", "VARCHAR(16)"),
    ("energy_in", "REAL"),
    ("energy_out", "REAL"),
    ("adc_vp", "REAL"),
    ("adc_0", "REAL"),
    ("adc_1", "REAL"),
    ("adc_2", "REAL"),
    ("adc_3", "REAL"),
    ("adc_4", "REAL"),
    ("bad_crc", "SMALLINT"),
    ("parse_fail", "SMALLINT"),
    ("bad_vcell", "SMALLINT"),
]


def test_the_columns_begin_with_the_c_programs_in_its_order() -> None:
    assert len(C_PROGRAM) == 59
    assert [(column.name, column.sql_type) for column in COLUMNS][:59] == C_PROGRAM


def test_the_table_and_its_key_have_their_names() -> None:
    assert (TABLE, set(KEY)) == ("battery_pack", {"mcu_id", "insert_time_utc"})


def test_no_column_comes_twice_and_all_are_lower_case() -> None:
    names = [column.name for column in COLUMNS]
    assert len(set(names)) == len(names)
    assert names == [name.lower() for name in names]


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
    plain = [name for name, _ in C_PROGRAM[2:] if not name.startswith(("cell_0", "cell_1"))]
    for name in plain:
        if not name.startswith("adc_") or name == "adc_vp":
            assert values[name] == getattr(snapshot, name)
