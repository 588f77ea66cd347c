"""The C program's table, copied by hand: what ours is held to."""

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

COLUMNS = ", ".join(f"{name} {sql_type}" for name, sql_type in C_PROGRAM)
C_PROGRAMS_TABLE = (
    f"CREATE TABLE battery_pack ({COLUMNS});"
    "CREATE INDEX battery_pack_time ON battery_pack (insert_time_utc);"
    "INSERT INTO battery_pack (insert_time_utc, mcu_id, soc) "
    "SELECT TIMESTAMP '2024-05-01 12:00:00' + n * INTERVAL '10 s', 439041101, n % 100 "
    "FROM generate_series(0, 999) AS n;"
)
# Two for one time with the same values, two with other ones, and one of another battery.
DUPLICATES = (
    "INSERT INTO battery_pack (insert_time_utc, mcu_id, soc) VALUES "
    "('2024-05-01 12:00:00', 439041101, 0), ('2024-05-01 12:00:10', 439041101, 77), "
    "('2024-05-01 12:00:20', 5, 1);"
)
