-- The newest row of each battery. The batteries are found one after another in the unique key
-- (mcu_id, insert_time_utc), so it takes as long as there are batteries, not rows. The lowest and
-- highest cell are null if a cell is missing, as in the snapshot.
CREATE OR REPLACE VIEW battery_pack_latest AS
WITH RECURSIVE batteries AS (
    (SELECT mcu_id FROM battery_pack WHERE mcu_id IS NOT NULL ORDER BY mcu_id LIMIT 1)
    UNION ALL
    SELECT (SELECT pack.mcu_id FROM battery_pack AS pack
            WHERE pack.mcu_id > batteries.mcu_id ORDER BY pack.mcu_id LIMIT 1)
    FROM batteries WHERE batteries.mcu_id IS NOT NULL
)
SELECT batteries.mcu_id, newest.insert_time_utc,
       date_trunc('second', now() AT TIME ZONE 'UTC' - (TIMESTAMP 'epoch'
           + extract(epoch FROM newest.insert_time_utc)::FLOAT8 * INTERVAL '1 s')) AS age,
       soc, v_pack, i_pack,
       CASE WHEN abs(v_pack::FLOAT8 * i_pack) < 1e30
            THEN round((v_pack::FLOAT8 * i_pack)::NUMERIC, 1)::REAL END AS power,
       temp, health, v_cell_min, v_cell_max,
       CASE WHEN abs(v_cell_max::FLOAT8 - v_cell_min) < 1e30
            THEN round((v_cell_max::FLOAT8 - v_cell_min)::NUMERIC, 3)::REAL END AS spread,
       CASE WHEN complete THEN lowest.cell END AS lowest_cell,
       CASE WHEN complete THEN lowest.v END AS lowest_cell_v,
       CASE WHEN complete THEN highest.cell END AS highest_cell,
       CASE WHEN complete THEN highest.v END AS highest_cell_v,
       errors, system_state, breaker, charge_state, energy_in, energy_out, cell_count,
       cell_v, cell_t
FROM batteries
CROSS JOIN LATERAL (
    SELECT pack.*,
           ARRAY[cell_01_v, cell_02_v, cell_03_v, cell_04_v, cell_05_v, cell_06_v, cell_07_v,
                 cell_08_v, cell_09_v, cell_10_v, cell_11_v, cell_12_v, cell_13_v, cell_14_v,
                 cell_15_v, cell_16_v] AS cell_v,
           ARRAY[cell_01_t, cell_02_t, cell_03_t, cell_04_t, cell_05_t, cell_06_t, cell_07_t,
                 cell_08_t, cell_09_t, cell_10_t, cell_11_t, cell_12_t, cell_13_t, cell_14_t,
                 cell_15_t, cell_16_t] AS cell_t
    FROM battery_pack AS pack
    -- Compared and ordered by both columns, so that no planner walks through the index on time: of
    -- a battery that has been silent for a year it would find the newest row a year later.
    WHERE (pack.mcu_id, insert_time_utc) <= (batteries.mcu_id, 'infinity')
    ORDER BY pack.mcu_id DESC, insert_time_utc DESC
    LIMIT 1
) AS newest
CROSS JOIN LATERAL (
    SELECT count(v) >= least(coalesce(cell_count, 0), 16) AND count(v) > 0 AS complete
    FROM unnest(cell_v) AS v
) AS cells
LEFT JOIN LATERAL (
    SELECT cell::SMALLINT, v FROM unnest(cell_v) WITH ORDINALITY AS each (v, cell)
    WHERE v IS NOT NULL ORDER BY v, cell LIMIT 1
) AS lowest ON TRUE
LEFT JOIN LATERAL (
    SELECT cell::SMALLINT, v FROM unnest(cell_v) WITH ORDINALITY AS each (v, cell)
    WHERE v IS NOT NULL ORDER BY v DESC, cell LIMIT 1
) AS highest ON TRUE
WHERE newest.mcu_id = batteries.mcu_id;
