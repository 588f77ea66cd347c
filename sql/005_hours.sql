-- One row per battery and hour (UTC, by its begin), made from the rows of battery_pack by
-- battery_pack_hours_from_rows, and kept right by the recorder. docs/database.md explains it.
CREATE TABLE IF NOT EXISTS battery_pack_hours (
    mcu_id          BIGINT NOT NULL,
    hour_utc        TIMESTAMP NOT NULL,
    -- Each time counts once, even if it has several rows.
    row_count       INTEGER NOT NULL,
    first_time      TIMESTAMP NOT NULL,
    last_time       TIMESTAMP NOT NULL,
    -- The battery's nearest rows outside the hour; null if there is none within a day.
    time_before     TIMESTAMP,
    time_after      TIMESTAMP,
    -- How long the hour's rows stand for together: see held_s in battery_pack_hours_from_rows.
    held_s          REAL,
    -- The last one is the last that is known. Power is v_pack * i_pack, spread v_cell_max -
    -- v_cell_min. Above zero the battery is charged.
    v_pack_min      REAL,
    v_pack_mean     REAL,
    v_pack_max      REAL,
    v_pack_last     REAL,
    i_pack_min      REAL,
    i_pack_mean     REAL,
    i_pack_max      REAL,
    i_pack_last     REAL,
    power_min       REAL,
    power_mean      REAL,
    power_max       REAL,
    power_last      REAL,
    soc_min         REAL,
    soc_mean        REAL,
    soc_max         REAL,
    soc_last        REAL,
    temp_min        REAL,
    temp_mean       REAL,
    temp_max        REAL,
    temp_last       REAL,
    v_cell_min_min  REAL,
    v_cell_min_mean REAL,
    v_cell_min_max  REAL,
    v_cell_min_last REAL,
    v_cell_max_min  REAL,
    v_cell_max_mean REAL,
    v_cell_max_max  REAL,
    v_cell_max_last REAL,
    spread_min      REAL,
    spread_mean     REAL,
    spread_max      REAL,
    spread_last     REAL,
    -- 16 elements each, null for a cell that is not known. The deviation is the cell's voltage less
    -- the median of the pack's known cells in the same row, in mV.
    cell_v_min      REAL[],
    cell_v_mean     REAL[],
    cell_v_max      REAL[],
    cell_t_min      REAL[],
    cell_t_mean     REAL[],
    cell_t_max      REAL[],
    cell_dev_min    REAL[],
    cell_dev_mean   REAL[],
    cell_dev_max    REAL[],
    -- Current and power over time, each way as a positive number. Null if it is not known.
    charge_in_ah    DOUBLE PRECISION,
    charge_out_ah   DOUBLE PRECISION,
    energy_in_kwh   DOUBLE PRECISION,
    energy_out_kwh  DOUBLE PRECISION,
    -- How long the charge was at least 90 %, and at most 10 %.
    high_s          REAL,
    low_s           REAL,
    -- The rows were removed on purpose (KEEP_RAW_DAYS): this stays as it is for ever.
    rows_removed    BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (mcu_id, hour_utc)
);

-- Gaps between hours are told by these alone.
CREATE INDEX IF NOT EXISTS battery_pack_hours_times
    ON battery_pack_hours (mcu_id, hour_utc) INCLUDE (first_time, last_time);

-- Hours whose rows have changed since. Nothing is unique here, so that those who write into
-- battery_pack never wait for each other.
CREATE TABLE IF NOT EXISTS battery_pack_changed_hours (
    mcu_id     BIGINT NOT NULL,
    hour_utc   TIMESTAMP NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS battery_pack_changed_hours_key
    ON battery_pack_changed_hours (mcu_id, hour_utc);

-- How far back in time the old rows of this table, by its oid, have their hours. Earlier hours may
-- be missing; -infinity: none is.
CREATE TABLE IF NOT EXISTS battery_pack_hours_filled (
    table_oid   BIGINT PRIMARY KEY,
    filled_from TIMESTAMP NOT NULL
);
