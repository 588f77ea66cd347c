-- Whether a battery is full: a cell stands at 3.45 V or more, and the current has stopped.
CREATE OR REPLACE FUNCTION battery_pack_is_full(i_pack FLOAT8, v_cell_max FLOAT8) RETURNS BOOLEAN
LANGUAGE sql IMMUTABLE AS $$
SELECT abs(i_pack) < 2 AND v_cell_max >= 3.45::REAL
$$;

-- The facts of one battery's hours that overlap [from_utc, to_utc), from its rows.
-- docs/database.md says what each of them means. held_s is what it is in
-- battery_pack_hours_from_rows: how long a row stands for, null before a gap.
CREATE OR REPLACE FUNCTION battery_pack_hour_facts_from_rows(
    of_mcu_id BIGINT, from_utc TIMESTAMP, to_utc TIMESTAMP
) RETURNS SETOF battery_pack_hour_facts
LANGUAGE sql STABLE
SET TimeZone = 'UTC' -- a column with a zone is read as UTC, too
AS $$
WITH bounds AS (
    SELECT date_trunc('hour', from_utc) AS begins,
           date_trunc('hour', to_utc - INTERVAL '1 us') + INTERVAL '1 hour' AS ends,
           -- A collector tells its interval before it sends its first row.
           1.5 * least(10, (SELECT min(interval_s) FROM battery_pack_events AS told
                            WHERE told.mcu_id = of_mcu_id)) AS gaps_over_s
),
distinct_rows AS (
    SELECT DISTINCT ON (hour_utc, row_time)
           date_trunc('hour', insert_time_utc::TIMESTAMP) AS hour_utc,
           insert_time_utc::TIMESTAMP AS row_time,
           -- What is too large for a REAL, or no number, is not known.
           CASE WHEN abs(v_pack::FLOAT8 * i_pack) < 1e30 THEN v_pack::FLOAT8 * i_pack END AS power,
           CASE WHEN abs(i_pack) < 1e30 THEN i_pack::FLOAT8 END AS i_pack,
           v_cell_min, v_cell_max,
           CASE WHEN abs(v_cell_max::FLOAT8 - v_cell_min) < 1e30
                THEN round((v_cell_max::FLOAT8 - v_cell_min) * 1000) END AS spread_mv,
           energy_in, energy_out, errors, breaker, system_state, charge_state
    FROM battery_pack
    WHERE mcu_id = of_mcu_id AND insert_time_utc >= (SELECT begins FROM bounds)
      AND insert_time_utc < (SELECT ends FROM bounds)
    ORDER BY hour_utc, row_time, v_pack, battery_pack.i_pack, soc, temp, v_cell_min, v_cell_max,
             energy_in, energy_out, errors, breaker, system_state, charge_state
),
around AS MATERIALIZED (
    SELECT (SELECT max(insert_time_utc) FROM battery_pack
            WHERE mcu_id = of_mcu_id AND insert_time_utc >= begins - INTERVAL '1 day'
              AND insert_time_utc < begins)::TIMESTAMP AS before_all,
           (SELECT min(insert_time_utc) FROM battery_pack
            WHERE mcu_id = of_mcu_id AND insert_time_utc >= ends
              AND insert_time_utc < ends + INTERVAL '1 day')::TIMESTAMP AS after_all
    FROM bounds
),
placed AS (
    SELECT *, lag(row_time) OVER by_time AS lag_time, lag(row_time, 2) OVER by_time AS lag_time_2,
           lead(row_time) OVER by_time AS lead_time
    FROM distinct_rows
    WINDOW by_time AS (ORDER BY hour_utc, row_time)
),
apart AS (
    SELECT *,
           -- How long it is to the row after it, from the one before it, and from that one's.
           date_part('epoch', coalesce(lead_time, (SELECT after_all FROM around)) - row_time)
               AS until_s,
           date_part('epoch', row_time - coalesce(lag_time, (SELECT before_all FROM around)))
               AS since_s,
           date_part('epoch', lag_time - coalesce(lag_time_2, (SELECT before_all FROM around)))
               AS since_s_before
    FROM placed
    ORDER BY hour_utc, row_time OFFSET 0
),
held AS (
    SELECT *,
           CASE WHEN until_s <= 60 OR until_s <= 86400 AND abs(until_s - since_s) <= 2
                THEN until_s END AS held_s,
           CASE WHEN lag_time >= hour_utc
                 AND (since_s <= 60 OR since_s <= 86400 AND abs(since_s - since_s_before) <= 2)
                THEN since_s END AS before_held_s,
           extract(minute FROM row_time)::INTEGER / 15 AS quarter,
           battery_pack_is_full(i_pack, v_cell_max) AS is_top,
           abs(i_pack) < 20 AND v_cell_min <= 3 AS is_empty
    FROM apart
),
beside AS (
    SELECT *,
           lag(row_time) OVER by_time AS before_it,
           row_number() OVER by_time AS row_n,
           ROW(errors, breaker, system_state, charge_state) IS DISTINCT FROM
               ROW(lag(errors) OVER by_time, lag(breaker) OVER by_time,
                   lag(system_state) OVER by_time, lag(charge_state) OVER by_time)
               AS state_changed,
           ROW(energy_in, energy_out) IS DISTINCT FROM
               ROW(lag(energy_in) OVER by_time, lag(energy_out) OVER by_time) AS total_changed,
           -- A rest begins at a row under load, after a gap, or with the hour.
           max(CASE WHEN coalesce(abs(i_pack), 2) >= 2 OR before_held_s IS NULL THEN row_time END)
               OVER by_time AS rest_from,
           -- Two rows before the middle one, and two after it, close to each other.
           before_held_s + held_s <= 120 AND lag(i_pack, 2) OVER by_time IS NOT NULL
               AND lag(before_held_s) OVER by_time <= 60 AND lead(held_s) OVER by_time <= 60
               AND abs(lag(i_pack) OVER by_time - lag(i_pack, 2) OVER by_time) <= 2
               AND abs(lead(i_pack, 2) OVER by_time - lead(i_pack) OVER by_time) <= 2
               AND abs(lead(i_pack) OVER by_time - lag(i_pack) OVER by_time) >= 20 AS is_step,
           lead(i_pack) OVER by_time - lag(i_pack) OVER by_time AS step_amps,
           lead(row_time) OVER by_time AS after_it
    FROM held
    WINDOW by_time AS (PARTITION BY hour_utc ORDER BY row_time)
),
known AS (
    SELECT *, count(*) OVER of_hour AS rows_of_hour,
           max(CASE WHEN is_top THEN row_time END) OVER of_hour AS full_time,
           min(CASE WHEN is_empty THEN row_time END) OVER of_hour AS empty_time,
           row_time - rest_from >= INTERVAL '10 min' AND NOT coalesce(is_top, FALSE) AS is_rest
    FROM beside
    WINDOW of_hour AS (PARTITION BY hour_utc)
),
packs AS (
    SELECT hour_utc, max(row_time) AS last_time,
           sum(held_s * greatest(power, 0)) FILTER (WHERE power IS NOT NULL) / 3.6e6 AS in_kwh,
           sum(held_s * greatest(-power, 0)) FILTER (WHERE power IS NOT NULL) / 3.6e6 AS out_kwh,
           CASE WHEN count(held_s * power) > 0 THEN ARRAY[
               coalesce(sum(held_s * greatest(power, 0)) FILTER (WHERE quarter = 0), 0) / 3.6e6,
               coalesce(sum(held_s * greatest(power, 0)) FILTER (WHERE quarter = 1), 0) / 3.6e6,
               coalesce(sum(held_s * greatest(power, 0)) FILTER (WHERE quarter = 2), 0) / 3.6e6,
               coalesce(sum(held_s * greatest(power, 0)) FILTER (WHERE quarter = 3), 0) / 3.6e6
           ] END AS quarters_in_kwh,
           CASE WHEN count(held_s * power) > 0 THEN ARRAY[
               coalesce(sum(held_s * greatest(-power, 0)) FILTER (WHERE quarter = 0), 0) / 3.6e6,
               coalesce(sum(held_s * greatest(-power, 0)) FILTER (WHERE quarter = 1), 0) / 3.6e6,
               coalesce(sum(held_s * greatest(-power, 0)) FILTER (WHERE quarter = 2), 0) / 3.6e6,
               coalesce(sum(held_s * greatest(-power, 0)) FILTER (WHERE quarter = 3), 0) / 3.6e6
           ] END AS quarters_out_kwh,
           array_agg(before_it ORDER BY row_time) FILTER (WHERE is_gap) AS gaps_from,
           array_agg(row_time ORDER BY row_time) FILTER (WHERE is_gap) AS gaps_to,
           max(full_time) AS full_time,
           sum(-held_s * i_pack / 3600) FILTER (WHERE row_time >= full_time) AS full_out_ah,
           min(empty_time) AS empty_time,
           CASE WHEN min(empty_time) IS NOT NULL THEN
               coalesce(sum(-held_s * i_pack / 3600) FILTER (WHERE row_time < empty_time), 0)
           END AS empty_out_ah,
           count(spread_mv) FILTER (WHERE is_top) AS top_rows,
           sum(spread_mv) FILTER (WHERE is_top) AS top_sum,
           max(spread_mv) FILTER (WHERE is_top) AS top_max,
           count(spread_mv) FILTER (WHERE is_rest) AS rest_rows,
           sum(spread_mv) FILTER (WHERE is_rest) AS rest_sum,
           max(spread_mv) FILTER (WHERE is_rest) AS rest_max,
           count(spread_mv) FILTER (WHERE abs(i_pack) >= 20) AS load_rows,
           sum(spread_mv) FILTER (WHERE abs(i_pack) >= 20) AS load_sum,
           max(spread_mv) FILTER (WHERE abs(i_pack) >= 20) AS load_max
    FROM (SELECT *, row_time - before_it
                    > (SELECT gaps_over_s FROM bounds) * INTERVAL '1 s' AS is_gap
          FROM known) AS one
    GROUP BY hour_utc
),
-- Stretches in which all four texts stay the same, then those in which one of them does.
state_parts AS (
    SELECT hour_utc, errors, breaker, system_state, charge_state, row_time AS part_from,
           coalesce(lead(before_it) OVER (PARTITION BY hour_utc ORDER BY row_time), last_time)
               AS part_to
    FROM known JOIN packs USING (hour_utc)
    WHERE state_changed OR row_n = 1
),
states AS (
    SELECT hour_utc, name, value, min(part_from) AS state_from, max(part_to) AS state_to
    FROM (SELECT *, count(*) FILTER (WHERE is_new)
                        OVER (PARTITION BY hour_utc, name ORDER BY part_from) AS stretch
          FROM (SELECT hour_utc, name, value, part_from, part_to,
                       value IS DISTINCT FROM
                           lag(value) OVER (PARTITION BY hour_utc, name ORDER BY part_from)
                           AS is_new
                FROM state_parts CROSS JOIN LATERAL (VALUES
                    ('errors', errors), ('breaker', breaker),
                    ('system_state', system_state), ('charge_state', charge_state)
                ) AS one (name, value)
                WHERE value IS NOT NULL) AS compared) AS numbered
    GROUP BY hour_utc, name, stretch, value
),
states_of_hour AS (
    SELECT hour_utc, array_agg(name ORDER BY name, state_from) AS state_names,
           array_agg(value ORDER BY name, state_from) AS state_values,
           array_agg(state_from ORDER BY name, state_from) AS states_from,
           array_agg(state_to ORDER BY name, state_from) AS states_to
    FROM states GROUP BY hour_utc
),
-- The totals: stretches of the same value. A short one that lies outside of its neighbours, which
-- fit each other, is a glitch; so is a short one at the hour's edge that is far from its neighbour.
total_parts AS (
    SELECT hour_utc, energy_in, energy_out, row_time AS part_from, quarter,
           coalesce(lead(row_n) OVER (PARTITION BY hour_utc ORDER BY row_time),
                    rows_of_hour + 1) - row_n AS part_rows
    FROM known
    WHERE total_changed OR row_n = 1
),
total_stretches AS (
    SELECT hour_utc, name, stretch, min(value) AS value, min(part_from) AS stretch_from,
           min(quarter) AS quarter, sum(part_rows) AS stretch_rows
    FROM (SELECT *, count(*) FILTER (WHERE is_new)
                        OVER (PARTITION BY hour_utc, name ORDER BY part_from) AS stretch
          FROM (SELECT hour_utc, name, value, part_from, quarter, part_rows,
                       value IS DISTINCT FROM
                           lag(value) OVER (PARTITION BY hour_utc, name ORDER BY part_from)
                           AS is_new
                FROM total_parts CROSS JOIN LATERAL (VALUES
                    ('in', energy_in::FLOAT8), ('out', energy_out)
                ) AS one (name, value)
                WHERE abs(value) < 1e30) AS compared) AS numbered
    GROUP BY hour_utc, name, stretch
),
clean_totals AS (
    SELECT *, value - lag(value) OVER (PARTITION BY hour_utc, name ORDER BY stretch_from) AS grown
    FROM (SELECT *, lag(value) OVER by_time AS a, lead(value) OVER by_time AS b
          FROM total_stretches
          WINDOW by_time AS (PARTITION BY hour_utc, name ORDER BY stretch_from)) AS beside
    WHERE stretch_rows > 3
       OR NOT coalesce(CASE WHEN a IS NULL THEN abs(b - value) > 10
                            WHEN b IS NULL THEN abs(value - a) > 10
                            ELSE b - a BETWEEN 0 AND 200 AND value NOT BETWEEN a AND b END, FALSE)
),
totals AS (
    SELECT hour_utc, name, (array_agg(value ORDER BY stretch_from))[1] AS first,
           (array_agg(value ORDER BY stretch_from DESC))[1] AS last,
           coalesce(sum(grown) FILTER (WHERE grown BETWEEN 0 AND 200), 0) AS told,
           ARRAY[
               coalesce(sum(grown) FILTER (WHERE quarter = 0 AND grown BETWEEN 0 AND 200), 0),
               coalesce(sum(grown) FILTER (WHERE quarter = 1 AND grown BETWEEN 0 AND 200), 0),
               coalesce(sum(grown) FILTER (WHERE quarter = 2 AND grown BETWEEN 0 AND 200), 0),
               coalesce(sum(grown) FILTER (WHERE quarter = 3 AND grown BETWEEN 0 AND 200), 0)
           ] AS quarters_told
    FROM clean_totals
    GROUP BY hour_utc, name
),
-- Steps of the current are few: only for them the cells are read.
cell_steps AS (
    SELECT hour_utc, row_time, step_amps, ratios.*
    FROM (SELECT *, lead(row_time) OVER (PARTITION BY hour_utc ORDER BY row_time) AS next_step
          FROM known WHERE is_step) AS found
    CROSS JOIN LATERAL (
        SELECT array_agg(CASE WHEN abs(volts_after - volts_before) < 1000
                              THEN volts_after - volts_before END ORDER BY cell) AS steps
        FROM (SELECT cell_01_v, cell_02_v, cell_03_v, cell_04_v, cell_05_v, cell_06_v, cell_07_v,
                     cell_08_v, cell_09_v, cell_10_v, cell_11_v, cell_12_v, cell_13_v, cell_14_v,
                     cell_15_v, cell_16_v
              FROM battery_pack WHERE mcu_id = of_mcu_id AND insert_time_utc = before_it
              LIMIT 1) AS one
        CROSS JOIN (
              SELECT cell_01_v, cell_02_v, cell_03_v, cell_04_v, cell_05_v, cell_06_v, cell_07_v,
                     cell_08_v, cell_09_v, cell_10_v, cell_11_v, cell_12_v, cell_13_v, cell_14_v,
                     cell_15_v, cell_16_v
              FROM battery_pack WHERE mcu_id = of_mcu_id AND insert_time_utc = after_it
              LIMIT 1) AS two
        CROSS JOIN LATERAL unnest(
            ARRAY[one.cell_01_v, one.cell_02_v, one.cell_03_v, one.cell_04_v, one.cell_05_v,
                  one.cell_06_v, one.cell_07_v, one.cell_08_v, one.cell_09_v, one.cell_10_v,
                  one.cell_11_v, one.cell_12_v, one.cell_13_v, one.cell_14_v, one.cell_15_v,
                  one.cell_16_v]::FLOAT8[],
            ARRAY[two.cell_01_v, two.cell_02_v, two.cell_03_v, two.cell_04_v, two.cell_05_v,
                  two.cell_06_v, two.cell_07_v, two.cell_08_v, two.cell_09_v, two.cell_10_v,
                  two.cell_11_v, two.cell_12_v, two.cell_13_v, two.cell_14_v, two.cell_15_v,
                  two.cell_16_v]::FLOAT8[]
        ) WITH ORDINALITY AS each (volts_before, volts_after, cell)
    ) AS stepped
    CROSS JOIN LATERAL (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY step) AS median_step
                        FROM unnest(steps) AS step) AS middle
    CROSS JOIN LATERAL (
        SELECT (1000 * median_step / step_amps)::REAL AS mohm,
               (SELECT array_agg((step / median_step)::REAL ORDER BY cell)
                FROM unnest(steps) WITH ORDINALITY AS each (step, cell)) AS ratios
        WHERE abs(median_step) >= 0.005 AND median_step / step_amps > 0
    ) AS ratios
    -- A clean step looks like one at two rows: the later one counts.
    WHERE next_step IS DISTINCT FROM after_it
),
steps AS (
    SELECT hour_utc, array_agg(row_time ORDER BY row_time) AS step_times,
           array_agg(step_amps ORDER BY row_time) AS step_amps,
           array_agg(mohm ORDER BY row_time) AS step_mohm,
           (SELECT array_agg(ratio ORDER BY one.row_time, cell)
            FROM cell_steps AS one
            CROSS JOIN LATERAL unnest(one.ratios) WITH ORDINALITY AS each (ratio, cell)
            WHERE one.hour_utc = cell_steps.hour_utc) AS step_ratios
    FROM cell_steps GROUP BY hour_utc
)
SELECT of_mcu_id, hour_utc, in_kwh, out_kwh, total_in.told, total_out.told,
       total_in.first, total_in.last, total_out.first, total_out.last,
       quarters_in_kwh, quarters_out_kwh, total_in.quarters_told, total_out.quarters_told,
       gaps_from, gaps_to,
       state_names, state_values, states_from, states_to,
       full_time, full_out_ah, empty_time, empty_out_ah,
       top_rows::INTEGER, top_sum, top_max::REAL, rest_rows::INTEGER, rest_sum, rest_max::REAL,
       load_rows::INTEGER, load_sum, load_max::REAL,
       step_times, step_amps::REAL[], step_mohm, step_ratios
FROM packs
LEFT JOIN states_of_hour USING (hour_utc)
LEFT JOIN (SELECT * FROM totals WHERE name = 'in') AS total_in USING (hour_utc)
LEFT JOIN (SELECT * FROM totals WHERE name = 'out') AS total_out USING (hour_utc)
LEFT JOIN steps USING (hour_utc)
$$;
