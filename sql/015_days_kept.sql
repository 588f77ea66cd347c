-- The days of one battery that overlap [from_utc, to_utc), from its hours: as they are at this moment,
-- or only as battery_pack_hours has them. A mean weighs each hour by its rows.
CREATE OR REPLACE FUNCTION battery_pack_days_from_hours(
    of_mcu_id BIGINT, from_utc TIMESTAMP, to_utc TIMESTAMP, as_kept BOOLEAN
) RETURNS SETOF battery_pack_days
LANGUAGE sql STABLE AS $$
WITH bounds AS (
    SELECT date_trunc('day', from_utc) AS begins,
           date_trunc('day', to_utc - INTERVAL '1 us') + INTERVAL '1 day' AS ends
),
hours AS (
    SELECT *, date_trunc('day', hour_utc) AS day_utc, row_count::FLOAT8 AS n
    FROM (SELECT now.* FROM bounds
          CROSS JOIN LATERAL battery_pack_hours_now(of_mcu_id, begins, ends) AS now
          WHERE NOT as_kept
          UNION ALL
          SELECT kept.* FROM bounds
          JOIN battery_pack_hours AS kept
            ON mcu_id = of_mcu_id AND hour_utc >= begins AND hour_utc < ends
          WHERE as_kept) AS one
),
packs AS (
    SELECT day_utc, sum(row_count) AS row_count,
           min(v_pack_min) AS v_pack_min,
           sum(v_pack_mean * n) / sum(n + 0 * v_pack_mean) AS v_pack_mean,
           max(v_pack_max) AS v_pack_max,
           min(i_pack_min) AS i_pack_min,
           sum(i_pack_mean * n) / sum(n + 0 * i_pack_mean) AS i_pack_mean,
           max(i_pack_max) AS i_pack_max,
           min(power_min) AS power_min,
           sum(power_mean * n) / sum(n + 0 * power_mean) AS power_mean,
           max(power_max) AS power_max,
           min(soc_min) AS soc_min,
           sum(soc_mean * n) / sum(n + 0 * soc_mean) AS soc_mean,
           max(soc_max) AS soc_max,
           min(temp_min) AS temp_min,
           sum(temp_mean * n) / sum(n + 0 * temp_mean) AS temp_mean,
           max(temp_max) AS temp_max,
           min(v_cell_min_min) AS v_cell_min_min,
           sum(v_cell_min_mean * n) / sum(n + 0 * v_cell_min_mean) AS v_cell_min_mean,
           max(v_cell_min_max) AS v_cell_min_max,
           min(v_cell_max_min) AS v_cell_max_min,
           sum(v_cell_max_mean * n) / sum(n + 0 * v_cell_max_mean) AS v_cell_max_mean,
           max(v_cell_max_max) AS v_cell_max_max,
           min(spread_min) AS spread_min,
           sum(spread_mean * n) / sum(n + 0 * spread_mean) AS spread_mean,
           max(spread_max) AS spread_max
    FROM hours
    GROUP BY day_utc
),
cells AS (
    SELECT day_utc, cell, min(v_min) AS v_min, sum(v_mean * n) / sum(n + 0 * v_mean) AS v_mean,
           max(v_max) AS v_max,
           min(t_min) AS t_min, sum(t_mean * n) / sum(n + 0 * t_mean) AS t_mean,
           max(t_max) AS t_max, min(dev_min) AS dev_min,
           sum(dev_mean * n) / sum(n + 0 * dev_mean) AS dev_mean, max(dev_max) AS dev_max
    FROM hours
    CROSS JOIN LATERAL unnest(
        cell_v_min, cell_v_mean, cell_v_max, cell_t_min, cell_t_mean, cell_t_max,
        cell_dev_min, cell_dev_mean, cell_dev_max
    ) WITH ORDINALITY AS one (
        v_min, v_mean, v_max, t_min, t_mean, t_max, dev_min, dev_mean, dev_max, cell
    )
    GROUP BY day_utc, cell
),
packs_cells AS (
    SELECT day_utc,
           array_agg(v_min ORDER BY cell) AS v_min, array_agg(v_mean ORDER BY cell) AS v_mean,
           array_agg(v_max ORDER BY cell) AS v_max, array_agg(t_min ORDER BY cell) AS t_min,
           array_agg(t_mean ORDER BY cell) AS t_mean, array_agg(t_max ORDER BY cell) AS t_max,
           array_agg(dev_min ORDER BY cell) AS dev_min,
           array_agg(dev_mean ORDER BY cell) AS dev_mean,
           array_agg(dev_max ORDER BY cell) AS dev_max
    FROM cells
    GROUP BY day_utc
)
SELECT of_mcu_id, day_utc, row_count::INTEGER,
       v_pack_min::REAL, v_pack_mean::REAL, v_pack_max::REAL,
       i_pack_min::REAL, i_pack_mean::REAL, i_pack_max::REAL,
       power_min::REAL, power_mean::REAL, power_max::REAL,
       soc_min::REAL, soc_mean::REAL, soc_max::REAL,
       temp_min::REAL, temp_mean::REAL, temp_max::REAL,
       v_cell_min_min::REAL, v_cell_min_mean::REAL, v_cell_min_max::REAL,
       v_cell_max_min::REAL, v_cell_max_mean::REAL, v_cell_max_max::REAL,
       spread_min::REAL, spread_mean::REAL, spread_max::REAL,
       v_min::REAL[], v_mean::REAL[], v_max::REAL[], t_min::REAL[], t_mean::REAL[], t_max::REAL[],
       dev_min::REAL[], dev_mean::REAL[], dev_max::REAL[]
FROM packs
LEFT JOIN packs_cells USING (day_utc)
$$;

-- The days as they are at this moment: those with an hour that is not up to date from the hours.
CREATE OR REPLACE FUNCTION battery_pack_days_now(
    of_mcu_id BIGINT, from_utc TIMESTAMP, to_utc TIMESTAMP
) RETURNS SETOF battery_pack_days
LANGUAGE sql STABLE AS $$
WITH behind AS (
    SELECT DISTINCT day_utc
    FROM battery_pack_hours_behind(
        of_mcu_id, date_trunc('day', from_utc),
        date_trunc('day', to_utc - INTERVAL '1 us') + INTERVAL '1 day') AS hours
    CROSS JOIN LATERAL generate_series(
        date_trunc('day', begins), ends - INTERVAL '1 us', INTERVAL '1 day') AS day_utc
)
SELECT days.*
FROM battery_pack_days AS days
WHERE mcu_id = of_mcu_id AND day_utc >= date_trunc('day', from_utc) AND day_utc < to_utc
  AND day_utc NOT IN (SELECT day_utc FROM behind)
UNION ALL
SELECT days.*
FROM behind
CROSS JOIN LATERAL battery_pack_days_from_hours(
    of_mcu_id, day_utc, day_utc + INTERVAL '1 day', FALSE) AS days
$$;

-- Makes the days of hours anew with the hours. A day with an hour that is not up to date is not up to
-- date either, and nobody reads it: what is marked is not computed twice.
CREATE OR REPLACE FUNCTION battery_pack_days_follow_hours() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT -- whoever writes the hours: pg_dump's lines have none
AS $$
BEGIN
    DELETE FROM battery_pack_days AS days
    USING (SELECT DISTINCT mcu_id, date_trunc('day', hour_utc) AS day_utc FROM changed) AS outdated
    WHERE days.mcu_id = outdated.mcu_id AND days.day_utc = outdated.day_utc;
    INSERT INTO battery_pack_days
    SELECT days.*
    FROM (SELECT DISTINCT mcu_id, date_trunc('day', hour_utc) AS day_utc FROM changed) AS one
    CROSS JOIN LATERAL battery_pack_days_from_hours(
        one.mcu_id, one.day_utc, one.day_utc + INTERVAL '1 day', TRUE) AS days;
    RETURN NULL;
END $$;
