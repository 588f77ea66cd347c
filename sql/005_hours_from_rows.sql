-- The hours of one battery that overlap [from_utc, to_utc), computed from its rows; none whose rows
-- were removed on purpose. They follow from the rows alone, to the last bit: what is summed goes in
-- the order of time, or is whole numbers.
--
-- A row stands for the time to the next row (held_s), if that is at most a minute, or as long as
-- the time since the row before it, give or take 2 s: that is an interval of more than a minute,
-- and of at most a day. Otherwise a gap begins, and the row stands for no time at all. What a row
-- stands for belongs to the hour that it lies in.
--
-- A total of the battery's grew plausibly if it did not fall, and by no more than what 2,000 A make
-- at 100 V in an hour, 200 kWh; from one known value to the next. (Its unit is not certain: one
-- smaller than kWh would need another bound.)
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
           insert_time_utc::TIMESTAMP AS row_time, TRUE AS counts,
           v_pack, i_pack, v_pack::FLOAT8 * i_pack AS power, soc, temp,
           v_cell_min, v_cell_max, round((v_cell_max::FLOAT8 - v_cell_min) * 1000) / 1000 AS spread,
           energy_in, energy_out,
           ARRAY[cell_01_v, cell_02_v, cell_03_v, cell_04_v, cell_05_v, cell_06_v, cell_07_v,
                 cell_08_v, cell_09_v, cell_10_v, cell_11_v, cell_12_v, cell_13_v, cell_14_v,
                 cell_15_v, cell_16_v] AS cell_v,
           ARRAY[cell_01_t, cell_02_t, cell_03_t, cell_04_t, cell_05_t, cell_06_t, cell_07_t,
                 cell_08_t, cell_09_t, cell_10_t, cell_11_t, cell_12_t, cell_13_t, cell_14_t,
                 cell_15_t, cell_16_t] AS cell_t
    FROM battery_pack
    WHERE mcu_id = of_mcu_id AND insert_time_utc >= date_trunc('hour', from_utc)
      AND insert_time_utc < date_trunc('hour', to_utc - INTERVAL '1 us') + INTERVAL '1 hour'
      AND date_trunc('hour', insert_time_utc::TIMESTAMP) NOT IN (SELECT hour_utc FROM removed)
    ORDER BY hour_utc, row_time, v_pack, i_pack, soc, temp, v_cell_min, v_cell_max,
             energy_in, energy_out, cell_v, cell_t
),
neighbours AS (
    SELECT (SELECT max(insert_time_utc) FROM battery_pack
            WHERE mcu_id = of_mcu_id
              AND insert_time_utc >= date_trunc('hour', from_utc) - INTERVAL '1 day'
              AND insert_time_utc < date_trunc('hour', from_utc))::TIMESTAMP AS row_time
    UNION ALL
    SELECT (SELECT min(insert_time_utc) FROM battery_pack
            WHERE mcu_id = of_mcu_id
              AND insert_time_utc >= date_trunc('hour', to_utc - INTERVAL '1 us')
                                     + INTERVAL '1 hour'
              AND insert_time_utc < to_utc + INTERVAL '25 hours')::TIMESTAMP
    UNION ALL
    SELECT first_time FROM removed
    UNION ALL
    SELECT last_time FROM removed
),
stream AS (
    SELECT * FROM distinct_rows
    UNION ALL
    SELECT date_trunc('hour', row_time), row_time, FALSE, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
           NULL, NULL, NULL, NULL, NULL
    FROM neighbours WHERE row_time IS NOT NULL
),
beside AS (
    SELECT *, lag(row_time) OVER by_time AS before_it, lead(row_time) OVER by_time AS after_it
    FROM stream
    WINDOW by_time AS (ORDER BY hour_utc, row_time)
),
apart AS (
    SELECT *, extract(epoch FROM row_time - before_it)::FLOAT8 AS since_s,
           extract(epoch FROM after_it - row_time)::FLOAT8 AS until_s
    FROM beside
    WHERE counts
),
held AS (
    SELECT *, CASE WHEN until_s <= 60 OR until_s <= 86400 AND abs(until_s - since_s) <= 2
                   THEN until_s END AS held_s
    FROM apart
),
packs AS (
    SELECT hour_utc, count(*)::INTEGER AS row_count,
           min(row_time) AS first_time, max(row_time) AS last_time,
           min(before_it) FILTER (WHERE before_it < hour_utc AND since_s <= 86400) AS time_before,
           max(after_it) FILTER (WHERE after_it >= hour_utc + INTERVAL '1 hour'
                                   AND until_s <= 86400) AS time_after,
           sum(held_s) AS held_s,
           min(v_pack) AS v_pack_min,
           sum(v_pack::FLOAT8) / nullif(count(v_pack), 0) AS v_pack_mean,
           max(v_pack) AS v_pack_max,
           (array_agg(v_pack) FILTER (WHERE v_pack IS NOT NULL))[count(v_pack)] AS v_pack_last,
           min(i_pack) AS i_pack_min,
           sum(i_pack::FLOAT8) / nullif(count(i_pack), 0) AS i_pack_mean,
           max(i_pack) AS i_pack_max,
           (array_agg(i_pack) FILTER (WHERE i_pack IS NOT NULL))[count(i_pack)] AS i_pack_last,
           min(power) AS power_min,
           sum(power::FLOAT8) / nullif(count(power), 0) AS power_mean,
           max(power) AS power_max,
           (array_agg(power) FILTER (WHERE power IS NOT NULL))[count(power)] AS power_last,
           min(soc) AS soc_min,
           sum(soc::FLOAT8) / nullif(count(soc), 0) AS soc_mean,
           max(soc) AS soc_max,
           (array_agg(soc) FILTER (WHERE soc IS NOT NULL))[count(soc)] AS soc_last,
           min(temp) AS temp_min,
           sum(temp::FLOAT8) / nullif(count(temp), 0) AS temp_mean,
           max(temp) AS temp_max,
           (array_agg(temp) FILTER (WHERE temp IS NOT NULL))[count(temp)] AS temp_last,
           min(v_cell_min) AS v_cell_min_min,
           sum(v_cell_min::FLOAT8) / nullif(count(v_cell_min), 0) AS v_cell_min_mean,
           max(v_cell_min) AS v_cell_min_max,
           (array_agg(v_cell_min) FILTER (WHERE v_cell_min IS NOT NULL))[count(v_cell_min)]
               AS v_cell_min_last,
           min(v_cell_max) AS v_cell_max_min,
           sum(v_cell_max::FLOAT8) / nullif(count(v_cell_max), 0) AS v_cell_max_mean,
           max(v_cell_max) AS v_cell_max_max,
           (array_agg(v_cell_max) FILTER (WHERE v_cell_max IS NOT NULL))[count(v_cell_max)]
               AS v_cell_max_last,
           min(spread) AS spread_min,
           sum(spread::FLOAT8) / nullif(count(spread), 0) AS spread_mean,
           max(spread) AS spread_max,
           (array_agg(spread) FILTER (WHERE spread IS NOT NULL))[count(spread)] AS spread_last,
           sum(held_s * greatest(i_pack::FLOAT8, 0)) FILTER (WHERE i_pack IS NOT NULL) / 3600
               AS charge_in_ah,
           sum(held_s * greatest(-i_pack::FLOAT8, 0)) FILTER (WHERE i_pack IS NOT NULL) / 3600
               AS charge_out_ah,
           sum(held_s * greatest(power, 0)) FILTER (WHERE power IS NOT NULL) / 3600000
               AS energy_in_kwh,
           sum(held_s * greatest(-power, 0)) FILTER (WHERE power IS NOT NULL) / 3600000
               AS energy_out_kwh,
           sum(CASE WHEN soc >= 90 THEN held_s ELSE 0 * held_s END) FILTER (WHERE soc IS NOT NULL)
               AS high_s,
           sum(CASE WHEN soc <= 10 THEN held_s ELSE 0 * held_s END) FILTER (WHERE soc IS NOT NULL)
               AS low_s
    FROM held
    GROUP BY hour_utc
),
-- Voltages in whole mV, deviations in half ones: whole numbers have the same sum in any order.
cells AS (
    SELECT hour_utc, cell,
           min(v) AS v_min, max(v) AS v_max,
           sum((v * 1000::FLOAT8)::INTEGER) AS v_sum, count(v) AS v_count,
           min(t) AS t_min, max(t) AS t_max, sum(t) AS t_sum, count(t) AS t_count,
           min(dev) AS dev_min, max(dev) AS dev_max, sum(dev) AS dev_sum
    FROM apart
    CROSS JOIN LATERAL (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY known_v) AS median_v
                        FROM unnest(cell_v) AS known_v) AS pack
    CROSS JOIN LATERAL unnest(cell_v, cell_t) WITH ORDINALITY AS one (v, t, cell)
    CROSS JOIN LATERAL (SELECT ((v - median_v) * 2000)::INTEGER AS dev) AS from_median
    GROUP BY hour_utc, cell
),
packs_cells AS (
    SELECT hour_utc,
           array_agg(v_min ORDER BY cell) AS cell_v_min,
           array_agg(v_sum / v_count::FLOAT8 / 1000 ORDER BY cell) AS cell_v_mean,
           array_agg(v_max ORDER BY cell) AS cell_v_max,
           array_agg(t_min ORDER BY cell) AS cell_t_min,
           array_agg(t_sum / t_count::FLOAT8 ORDER BY cell) AS cell_t_mean,
           array_agg(t_max ORDER BY cell) AS cell_t_max,
           array_agg(dev_min / 2.0 ORDER BY cell) AS cell_dev_min,
           array_agg(dev_sum / v_count::FLOAT8 / 2 ORDER BY cell) AS cell_dev_mean,
           array_agg(dev_max / 2.0 ORDER BY cell) AS cell_dev_max
    FROM cells
    GROUP BY hour_utc
),
told_in AS (
    SELECT hour_utc, (array_agg(total))[1] AS told_first, (array_agg(total))[count(*)] AS told_last,
           coalesce(sum(grown) FILTER (WHERE grown BETWEEN 0 AND 200), 0) AS told
    FROM (SELECT hour_utc, row_time, energy_in AS total,
                 energy_in::FLOAT8 - lag(energy_in) OVER (PARTITION BY hour_utc ORDER BY row_time)
                     AS grown
          FROM apart WHERE energy_in IS NOT NULL) AS known
    GROUP BY hour_utc
),
told_out AS (
    SELECT hour_utc, (array_agg(total))[1] AS told_first, (array_agg(total))[count(*)] AS told_last,
           coalesce(sum(grown) FILTER (WHERE grown BETWEEN 0 AND 200), 0) AS told
    FROM (SELECT hour_utc, row_time, energy_out AS total,
                 energy_out::FLOAT8 - lag(energy_out) OVER (PARTITION BY hour_utc ORDER BY row_time)
                     AS grown
          FROM apart WHERE energy_out IS NOT NULL) AS known
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
       told_in.told_first, told_in.told_last, told_in.told,
       told_out.told_first, told_out.told_last, told_out.told,
       high_s::REAL, low_s::REAL, FALSE
FROM packs
JOIN packs_cells USING (hour_utc)
LEFT JOIN told_in USING (hour_utc)
LEFT JOIN told_out USING (hour_utc)
ORDER BY hour_utc
$$;
