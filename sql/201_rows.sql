-- All rows of one battery in a window, with their cells as arrays; times are UTC.
CREATE OR REPLACE FUNCTION battery_pack_rows(
    of_mcu_id BIGINT, from_time TIMESTAMPTZ, to_time TIMESTAMPTZ
) RETURNS TABLE (
    time_utc TIMESTAMP, soc SMALLINT, v_pack REAL, i_pack REAL, temp SMALLINT, health REAL,
    v_cell_min REAL, v_cell_max REAL, errors TEXT, system_state TEXT, breaker TEXT,
    charge_state TEXT, energy_in REAL, energy_out REAL, cell_v REAL[], cell_t SMALLINT[]
)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
SET TimeZone = 'UTC'
SET jit = off
AS $$
BEGIN
    RETURN QUERY EXECUTE $query$
        SELECT insert_time_utc::TIMESTAMP, soc::SMALLINT, v_pack::REAL, i_pack::REAL,
               temp::SMALLINT, health::REAL, v_cell_min::REAL, v_cell_max::REAL, errors::TEXT,
               system_state::TEXT, breaker::TEXT, charge_state::TEXT, energy_in::REAL,
               energy_out::REAL,
               ARRAY[cell_01_v, cell_02_v, cell_03_v, cell_04_v, cell_05_v, cell_06_v, cell_07_v,
                     cell_08_v, cell_09_v, cell_10_v, cell_11_v, cell_12_v, cell_13_v, cell_14_v,
                     cell_15_v, cell_16_v]::REAL[],
               ARRAY[cell_01_t, cell_02_t, cell_03_t, cell_04_t, cell_05_t, cell_06_t, cell_07_t,
                     cell_08_t, cell_09_t, cell_10_t, cell_11_t, cell_12_t, cell_13_t, cell_14_t,
                     cell_15_t, cell_16_t]::SMALLINT[]
        FROM battery_pack
        WHERE mcu_id = $1 AND insert_time_utc >= $2 AND insert_time_utc < $3
        ORDER BY insert_time_utc
    $query$ USING of_mcu_id, from_time::TIMESTAMP, to_time::TIMESTAMP;
END $$;

-- The time (UTC) of a battery's first row in a window; null if there is none.
CREATE OR REPLACE FUNCTION battery_pack_next_row(
    of_mcu_id BIGINT, from_time TIMESTAMPTZ, to_time TIMESTAMPTZ
) RETURNS TIMESTAMP
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
SET TimeZone = 'UTC'
AS $$
DECLARE
    found RECORD;
BEGIN
    -- By both columns of the key: else a planner may walk past all other batteries' rows.
    SELECT mcu_id, insert_time_utc::TIMESTAMP AS row_time INTO found
    FROM battery_pack
    WHERE (mcu_id, insert_time_utc) >= (of_mcu_id, from_time::TIMESTAMP)
    ORDER BY mcu_id, insert_time_utc LIMIT 1;
    IF found.mcu_id = of_mcu_id AND found.row_time < to_time::TIMESTAMP THEN
        RETURN found.row_time;
    END IF;
    RETURN NULL;
END $$;
