-- The hours of one battery that overlap [from_utc, to_utc), computed from its rows; none whose rows
-- were removed on purpose. They follow from the rows alone, to the last bit: what is summed
-- comes in the order of time.
--
-- A row stands for the time to the next row (held_s), if that is at most a minute, or as long as
-- the time since the row before it, give or take 2 s: that is an interval of more than a minute,
-- and of at most a day. Otherwise a gap begins, and the row stands for no time at all. What a row
-- stands for belongs to the hour that it lies in.
CREATE OR REPLACE FUNCTION battery_pack_hours_from_rows(
    of_mcu_id BIGINT, from_utc TIMESTAMP, to_utc TIMESTAMP
) RETURNS SETOF battery_pack_hours
LANGUAGE sql STABLE
SET TimeZone = 'UTC' -- a column with a zone is read as UTC, too
AS $$
WITH removed AS (
    SELECT hour_utc, first_time, last_time
    FROM battery_pack_hours
    WHERE mcu_id = of_mcu_id AND rows_removed
      AND hour_utc >= date_trunc('hour', from_utc) - INTERVAL '1 day'
      AND hour_utc < to_utc + INTERVAL '25 hours'
),
-- Of several rows for one time the one that comes first by its values counts.
distinct_rows AS (
    SELECT DISTINCT ON (hour_utc, row_time)
           date_trunc('hour', insert_time_utc::TIMESTAMP) AS hour_utc,
           insert_time_utc::TIMESTAMP AS row_time,
           v_pack, i_pack, soc, temp, v_cell_min, v_cell_max,
           cell_01_v, cell_02_v, cell_03_v, cell_04_v, cell_05_v, cell_06_v, cell_07_v, cell_08_v,
           cell_09_v, cell_10_v, cell_11_v, cell_12_v, cell_13_v, cell_14_v, cell_15_v, cell_16_v,
           cell_01_t, cell_02_t, cell_03_t, cell_04_t, cell_05_t, cell_06_t, cell_07_t, cell_08_t,
           cell_09_t, cell_10_t, cell_11_t, cell_12_t, cell_13_t, cell_14_t, cell_15_t, cell_16_t
    FROM battery_pack
    WHERE mcu_id = of_mcu_id AND insert_time_utc >= date_trunc('hour', from_utc)
      AND insert_time_utc < date_trunc('hour', to_utc - INTERVAL '1 us') + INTERVAL '1 hour'
      AND date_trunc('hour', insert_time_utc::TIMESTAMP) NOT IN (SELECT hour_utc FROM removed)
    ORDER BY hour_utc, row_time,
             v_pack, i_pack, soc, temp, v_cell_min, v_cell_max,
             cell_01_v, cell_02_v, cell_03_v, cell_04_v, cell_05_v, cell_06_v, cell_07_v,
             cell_08_v, cell_09_v, cell_10_v, cell_11_v, cell_12_v, cell_13_v, cell_14_v,
             cell_15_v, cell_16_v,
             cell_01_t, cell_02_t, cell_03_t, cell_04_t, cell_05_t, cell_06_t, cell_07_t,
             cell_08_t, cell_09_t, cell_10_t, cell_11_t, cell_12_t, cell_13_t, cell_14_t,
             cell_15_t, cell_16_t
),
around AS MATERIALIZED (
    SELECT (SELECT max(insert_time_utc) FROM battery_pack
            WHERE mcu_id = of_mcu_id
              AND insert_time_utc >= date_trunc('hour', from_utc) - INTERVAL '1 day'
              AND insert_time_utc < date_trunc('hour', from_utc))::TIMESTAMP AS before_all,
           (SELECT min(insert_time_utc) FROM battery_pack
            WHERE mcu_id = of_mcu_id
              AND insert_time_utc >= date_trunc('hour', to_utc - INTERVAL '1 us')
                                     + INTERVAL '1 hour'
              AND insert_time_utc < to_utc + INTERVAL '25 hours')::TIMESTAMP AS after_all
),
placed AS (
    SELECT *, lag(row_time) OVER by_time AS lag_time, lead(row_time) OVER by_time AS lead_time
    FROM distinct_rows
    WINDOW by_time AS (ORDER BY hour_utc, row_time)
),
beside AS (
    SELECT *,
           CASE WHEN lag_time >= hour_utc THEN lag_time
                ELSE greatest(coalesce(lag_time, (SELECT before_all FROM around)),
                              (SELECT max(last_time) FROM removed AS r
                               WHERE r.hour_utc < placed.hour_utc)) END AS before_it,
           CASE WHEN lead_time < hour_utc + INTERVAL '1 hour' THEN lead_time
                ELSE least(coalesce(lead_time, (SELECT after_all FROM around)),
                           (SELECT min(first_time) FROM removed AS r
                            WHERE r.hour_utc > placed.hour_utc)) END AS after_it
    FROM placed
    ORDER BY hour_utc, row_time OFFSET 0
),
-- OFFSET 0: PostgreSQL is to compute once what is used often. ORDER BY: it forgets a subquery's order
-- otherwise, and sorts once more.
apart AS (
    SELECT *, date_part('epoch', row_time - before_it) AS since_s,
           date_part('epoch', after_it - row_time) AS until_s,
           num_nonnulls(cell_01_v, cell_02_v, cell_03_v, cell_04_v, cell_05_v, cell_06_v,
                        cell_07_v, cell_08_v, cell_09_v, cell_10_v, cell_11_v, cell_12_v,
                        cell_13_v, cell_14_v, cell_15_v, cell_16_v) AS known,
           ARRAY(SELECT unnest(ARRAY[cell_01_v, cell_02_v, cell_03_v, cell_04_v, cell_05_v,
                                     cell_06_v, cell_07_v, cell_08_v, cell_09_v, cell_10_v,
                                     cell_11_v, cell_12_v, cell_13_v, cell_14_v, cell_15_v,
                                     cell_16_v]) ORDER BY 1) AS sorted
    FROM beside
    ORDER BY hour_utc, row_time OFFSET 0
),
median AS (
    -- Nulls stand behind.
    SELECT *, CASE WHEN sorted[1] > -1e30 AND sorted[known] < 1e30
                   THEN (sorted[(known + 1) / 2]::FLOAT8 + sorted[known / 2 + 1]) / 2
              END AS median_v
    FROM apart
    ORDER BY hour_utc, row_time OFFSET 0
),
held AS (
    -- What is too large for a REAL, or no number, is not known.
    SELECT *,
           CASE WHEN abs(v_pack::FLOAT8 * i_pack) < 1e30 THEN v_pack::FLOAT8 * i_pack END AS power,
           CASE WHEN abs(v_cell_max::FLOAT8 - v_cell_min) < 1e30
                THEN round((v_cell_max::FLOAT8 - v_cell_min) * 1000) / 1000 END AS spread,
           CASE WHEN until_s <= 60 OR until_s <= 86400 AND abs(until_s - since_s) <= 2
                THEN until_s END AS held_s,
           (cell_01_v - median_v) * 1000 AS dev_01, (cell_02_v - median_v) * 1000 AS dev_02,
           (cell_03_v - median_v) * 1000 AS dev_03, (cell_04_v - median_v) * 1000 AS dev_04,
           (cell_05_v - median_v) * 1000 AS dev_05, (cell_06_v - median_v) * 1000 AS dev_06,
           (cell_07_v - median_v) * 1000 AS dev_07, (cell_08_v - median_v) * 1000 AS dev_08,
           (cell_09_v - median_v) * 1000 AS dev_09, (cell_10_v - median_v) * 1000 AS dev_10,
           (cell_11_v - median_v) * 1000 AS dev_11, (cell_12_v - median_v) * 1000 AS dev_12,
           (cell_13_v - median_v) * 1000 AS dev_13, (cell_14_v - median_v) * 1000 AS dev_14,
           (cell_15_v - median_v) * 1000 AS dev_15, (cell_16_v - median_v) * 1000 AS dev_16
    FROM median
),
figures AS (
    SELECT hour_utc, count(*)::INTEGER AS row_count,
           min(row_time) AS first_time, max(row_time) AS last_time,
           min(before_it) FILTER (WHERE before_it < hour_utc AND since_s <= 86400) AS time_before,
           max(after_it) FILTER (WHERE after_it >= hour_utc + INTERVAL '1 hour'
                                   AND until_s <= 86400) AS time_after,
           sum(held_s) AS held_s,
           min(v_pack) AS v_pack_min, avg(v_pack) AS v_pack_mean, max(v_pack) AS v_pack_max,
           (array_agg(v_pack) FILTER (WHERE v_pack IS NOT NULL))[count(v_pack)] AS v_pack_last,
           min(i_pack) AS i_pack_min, avg(i_pack) AS i_pack_mean, max(i_pack) AS i_pack_max,
           (array_agg(i_pack) FILTER (WHERE i_pack IS NOT NULL))[count(i_pack)] AS i_pack_last,
           min(power) AS power_min, avg(power) AS power_mean, max(power) AS power_max,
           (array_agg(power) FILTER (WHERE power IS NOT NULL))[count(power)] AS power_last,
           min(soc) AS soc_min, avg(soc) AS soc_mean, max(soc) AS soc_max,
           (array_agg(soc) FILTER (WHERE soc IS NOT NULL))[count(soc)] AS soc_last,
           min(temp) AS temp_min, avg(temp) AS temp_mean, max(temp) AS temp_max,
           (array_agg(temp) FILTER (WHERE temp IS NOT NULL))[count(temp)] AS temp_last,
           min(v_cell_min) AS v_cell_min_min, avg(v_cell_min) AS v_cell_min_mean,
           max(v_cell_min) AS v_cell_min_max,
           (array_agg(v_cell_min) FILTER (WHERE v_cell_min IS NOT NULL))[count(v_cell_min)]
               AS v_cell_min_last,
           min(v_cell_max) AS v_cell_max_min, avg(v_cell_max) AS v_cell_max_mean,
           max(v_cell_max) AS v_cell_max_max,
           (array_agg(v_cell_max) FILTER (WHERE v_cell_max IS NOT NULL))[count(v_cell_max)]
               AS v_cell_max_last,
           min(spread) AS spread_min, avg(spread) AS spread_mean, max(spread) AS spread_max,
           (array_agg(spread) FILTER (WHERE spread IS NOT NULL))[count(spread)] AS spread_last,
           ARRAY[min(cell_01_v), min(cell_02_v), min(cell_03_v), min(cell_04_v), min(cell_05_v),
                 min(cell_06_v), min(cell_07_v), min(cell_08_v), min(cell_09_v), min(cell_10_v),
                 min(cell_11_v), min(cell_12_v), min(cell_13_v), min(cell_14_v), min(cell_15_v),
                 min(cell_16_v)]
               AS cell_v_min,
           ARRAY[avg(cell_01_v), avg(cell_02_v), avg(cell_03_v), avg(cell_04_v), avg(cell_05_v),
                 avg(cell_06_v), avg(cell_07_v), avg(cell_08_v), avg(cell_09_v), avg(cell_10_v),
                 avg(cell_11_v), avg(cell_12_v), avg(cell_13_v), avg(cell_14_v), avg(cell_15_v),
                 avg(cell_16_v)]
               AS cell_v_mean,
           ARRAY[max(cell_01_v), max(cell_02_v), max(cell_03_v), max(cell_04_v), max(cell_05_v),
                 max(cell_06_v), max(cell_07_v), max(cell_08_v), max(cell_09_v), max(cell_10_v),
                 max(cell_11_v), max(cell_12_v), max(cell_13_v), max(cell_14_v), max(cell_15_v),
                 max(cell_16_v)]
               AS cell_v_max,
           ARRAY[min(cell_01_t), min(cell_02_t), min(cell_03_t), min(cell_04_t), min(cell_05_t),
                 min(cell_06_t), min(cell_07_t), min(cell_08_t), min(cell_09_t), min(cell_10_t),
                 min(cell_11_t), min(cell_12_t), min(cell_13_t), min(cell_14_t), min(cell_15_t),
                 min(cell_16_t)]
               AS cell_t_min,
           ARRAY[avg(cell_01_t), avg(cell_02_t), avg(cell_03_t), avg(cell_04_t), avg(cell_05_t),
                 avg(cell_06_t), avg(cell_07_t), avg(cell_08_t), avg(cell_09_t), avg(cell_10_t),
                 avg(cell_11_t), avg(cell_12_t), avg(cell_13_t), avg(cell_14_t), avg(cell_15_t),
                 avg(cell_16_t)]
               AS cell_t_mean,
           ARRAY[max(cell_01_t), max(cell_02_t), max(cell_03_t), max(cell_04_t), max(cell_05_t),
                 max(cell_06_t), max(cell_07_t), max(cell_08_t), max(cell_09_t), max(cell_10_t),
                 max(cell_11_t), max(cell_12_t), max(cell_13_t), max(cell_14_t), max(cell_15_t),
                 max(cell_16_t)]
               AS cell_t_max,
           ARRAY[min(dev_01), min(dev_02), min(dev_03), min(dev_04), min(dev_05), min(dev_06),
                 min(dev_07), min(dev_08), min(dev_09), min(dev_10), min(dev_11), min(dev_12),
                 min(dev_13), min(dev_14), min(dev_15), min(dev_16)]
               AS cell_dev_min,
           ARRAY[avg(dev_01), avg(dev_02), avg(dev_03), avg(dev_04), avg(dev_05), avg(dev_06),
                 avg(dev_07), avg(dev_08), avg(dev_09), avg(dev_10), avg(dev_11), avg(dev_12),
                 avg(dev_13), avg(dev_14), avg(dev_15), avg(dev_16)]
               AS cell_dev_mean,
           ARRAY[max(dev_01), max(dev_02), max(dev_03), max(dev_04), max(dev_05), max(dev_06),
                 max(dev_07), max(dev_08), max(dev_09), max(dev_10), max(dev_11), max(dev_12),
                 max(dev_13), max(dev_14), max(dev_15), max(dev_16)]
               AS cell_dev_max,
           sum(held_s * greatest(i_pack, 0)) FILTER (WHERE i_pack IS NOT NULL) / 3600
               AS charge_in_ah,
           sum(held_s * greatest(-i_pack, 0)) FILTER (WHERE i_pack IS NOT NULL) / 3600
               AS charge_out_ah,
           sum(held_s * greatest(power, 0)) FILTER (WHERE power IS NOT NULL) / 3600000
               AS energy_in_kwh,
           sum(held_s * greatest(-power, 0)) FILTER (WHERE power IS NOT NULL) / 3600000
               AS energy_out_kwh,
           sum(held_s * (soc >= 90)::INTEGER) AS high_s,
           sum(held_s * (soc <= 10)::INTEGER) AS low_s
    -- What is summed comes in this order.
    FROM (SELECT * FROM held ORDER BY hour_utc, row_time) AS in_order
    GROUP BY hour_utc
)
SELECT of_mcu_id, hour_utc, row_count, first_time, last_time, time_before, time_after,
       held_s::REAL,
       v_pack_min::REAL, v_pack_mean::REAL, v_pack_max::REAL, v_pack_last::REAL,
       i_pack_min::REAL, i_pack_mean::REAL, i_pack_max::REAL, i_pack_last::REAL,
       power_min::REAL, power_mean::REAL, power_max::REAL, power_last::REAL,
       soc_min::REAL, soc_mean::REAL, soc_max::REAL, soc_last::REAL,
       temp_min::REAL, temp_mean::REAL, temp_max::REAL, temp_last::REAL,
       v_cell_min_min::REAL, v_cell_min_mean::REAL, v_cell_min_max::REAL, v_cell_min_last::REAL,
       v_cell_max_min::REAL, v_cell_max_mean::REAL, v_cell_max_max::REAL, v_cell_max_last::REAL,
       spread_min::REAL, spread_mean::REAL, spread_max::REAL, spread_last::REAL,
       cell_v_min::REAL[], cell_v_mean::REAL[], cell_v_max::REAL[],
       cell_t_min::REAL[], cell_t_mean::REAL[], cell_t_max::REAL[],
       cell_dev_min::REAL[], cell_dev_mean::REAL[], cell_dev_max::REAL[],
       charge_in_ah, charge_out_ah, energy_in_kwh, energy_out_kwh,
       high_s::REAL, low_s::REAL, FALSE
FROM figures
ORDER BY hour_utc
$$;
