-- Health: what can be told of it from the rows, each with its samples. Windows are widened to whole
-- hours. What the figures mean and when they are null stands in docs/database.md.

-- Discharges from a full battery to an empty one, newest first, and what was drawn in each: a
-- capacity. Only those that took at most seven days, with 99 % of that time known.
CREATE OR REPLACE FUNCTION battery_pack_capacity(
    of_mcu_id BIGINT, from_time TIMESTAMPTZ, to_time TIMESTAMPTZ
) RETURNS TABLE (full_time TIMESTAMP, empty_time TIMESTAMP, capacity_ah FLOAT8, known FLOAT8)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
SET TimeZone = 'UTC'
SET jit = off
AS $$
BEGIN
    -- Planned anew each time: what is right for a day is not for ten years.
    RETURN QUERY EXECUTE $query$
        WITH facts AS (
            SELECT hour_utc, full_time, full_out_ah, empty_time, empty_out_ah
            FROM battery_pack_hour_facts_now($1, $2, $3)
            WHERE full_time IS NOT NULL OR empty_time IS NOT NULL
        ),
        -- Each hour's first and last word: full, empty, or both in their order.
        words AS (
            SELECT hour_utc, full_time AS at, TRUE AS is_full, full_out_ah AS ah
            FROM facts WHERE full_time IS NOT NULL
            UNION ALL
            SELECT hour_utc, empty_time, FALSE, empty_out_ah
            FROM facts WHERE empty_time IS NOT NULL
        ),
        pairs AS (
            SELECT * FROM (
                SELECT at AS empty_at, hour_utc AS empty_hour, ah AS empty_ah, is_full,
                       lag(at) OVER (ORDER BY at) AS full_at,
                       lag(hour_utc) OVER (ORDER BY at) AS full_hour,
                       lag(ah) OVER (ORDER BY at) AS full_ah,
                       lag(is_full) OVER (ORDER BY at) AS from_full
                FROM words) AS beside
            WHERE from_full AND NOT is_full AND full_hour < empty_hour
              AND empty_at - full_at <= INTERVAL '7 days'
        )
        SELECT full_at, empty_at, full_ah + empty_ah + coalesce(between_ah, 0), held_s / elapsed_s
        FROM pairs
        CROSS JOIN LATERAL (
            SELECT sum(charge_out_ah - charge_in_ah)
                       FILTER (WHERE hour_utc > full_hour AND hour_utc < empty_hour) AS between_ah,
                   sum(held_s)::FLOAT8 AS held_s,
                   date_part('epoch', max(last_time) - min(first_time)) AS elapsed_s,
                   bool_and(charge_out_ah IS NOT NULL) AS all_known
            FROM battery_pack_hours_now($1, full_hour, empty_hour + INTERVAL '1 hour')
        ) AS hours
        WHERE all_known AND held_s >= 0.99 * elapsed_s
        ORDER BY empty_at DESC
    $query$ USING of_mcu_id, from_time::TIMESTAMP, to_time::TIMESTAMP;
END $$;

-- Charge in and out, and what that is in full cycles of the capacity given, or else of the median
-- of battery_pack_capacity within the window; how long the charge was high and low, and how long
-- rows stand for altogether.
CREATE OR REPLACE FUNCTION battery_pack_cycles(
    of_mcu_id BIGINT, from_time TIMESTAMPTZ, to_time TIMESTAMPTZ, of_capacity_ah FLOAT8 DEFAULT NULL
) RETURNS TABLE (
    charge_in_ah FLOAT8, charge_out_ah FLOAT8, capacity_ah FLOAT8, capacity_samples INTEGER,
    full_equivalent_cycles FLOAT8, at_high_charge INTERVAL, at_low_charge INTERVAL, known INTERVAL
)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
SET TimeZone = 'UTC'
SET jit = off
AS $$
DECLARE
    capacity FLOAT8 := of_capacity_ah;
    samples INTEGER := NULL;
BEGIN
    IF of_capacity_ah IS NULL THEN
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY one.capacity_ah), count(*)
        INTO capacity, samples
        FROM battery_pack_capacity(of_mcu_id, from_time, to_time) AS one;
    END IF;
    RETURN QUERY EXECUTE $query$
        SELECT sum(charge_in_ah), sum(charge_out_ah), $4, $5,
               sum(charge_out_ah) / nullif($4, 0),
               INTERVAL '1 s' * sum(high_s::FLOAT8), INTERVAL '1 s' * sum(low_s::FLOAT8),
               INTERVAL '1 s' * sum(held_s::FLOAT8)
        FROM battery_pack_hours_now($1, $2, $3)
    $query$ USING of_mcu_id, from_time::TIMESTAMP, to_time::TIMESTAMP, capacity, samples;
END $$;

-- When the battery was last full, as of a time, and how many days ago that was. Nulls if it never
-- was.
CREATE OR REPLACE FUNCTION battery_pack_last_full(
    of_mcu_id BIGINT, at_time TIMESTAMPTZ DEFAULT now()
) RETURNS TABLE (full_time TIMESTAMP, days_since FLOAT8)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
SET TimeZone = 'UTC'
SET jit = off
AS $$
DECLARE
    at_utc TIMESTAMP := at_time::TIMESTAMP;
    stored TIMESTAMP;
BEGIN
    -- The newest hour that is up to date and knows one; only later ones need a look at their rows.
    SELECT hour_utc INTO stored
    FROM battery_pack_hour_facts AS facts
    WHERE facts.mcu_id = of_mcu_id AND hour_utc < date_trunc('hour', at_utc)
      AND facts.full_time IS NOT NULL
      AND EXISTS (SELECT FROM battery_pack_hours_now(
                      of_mcu_id, facts.hour_utc, facts.hour_utc + INTERVAL '1 hour'))
    ORDER BY hour_utc DESC
    LIMIT 1;
    RETURN QUERY EXECUTE $query$
        SELECT full_time, date_part('epoch', $3 - full_time) / 86400
        FROM (SELECT max(full_time) AS full_time
              FROM (SELECT full_time FROM battery_pack_hour_facts_now($1, $2, $3)
                    WHERE full_time <= $3
                    UNION ALL
                    -- Of its last hour a part may count: facts know only the hour's last one.
                    SELECT insert_time_utc::TIMESTAMP FROM battery_pack
                    WHERE mcu_id = $1 AND insert_time_utc >= date_trunc('hour', $3)
                      AND insert_time_utc <= $3
                      AND battery_pack_is_full(i_pack, v_cell_max)) AS found) AS newest
    $query$ USING of_mcu_id, coalesce(stored, '2000-01-01'), at_utc;
END $$;

-- The cells' spread in mV under each condition: top, rest and load, with the rows that it is from.
CREATE OR REPLACE FUNCTION battery_pack_spread(
    of_mcu_id BIGINT, from_time TIMESTAMPTZ, to_time TIMESTAMPTZ
) RETURNS TABLE (condition TEXT, row_count BIGINT, spread_mean FLOAT8, spread_max REAL)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
SET TimeZone = 'UTC'
SET jit = off
AS $$
BEGIN
    -- Planned anew each time: what is right for a day is not for ten years.
    RETURN QUERY EXECUTE $query$
        SELECT condition, coalesce(n, 0), total / nullif(n, 0), highest
        FROM (SELECT sum(top_rows) AS top_n, sum(top_sum) AS top, max(top_max) AS top_highest,
                     sum(rest_rows) AS rest_n, sum(rest_sum) AS rest, max(rest_max) AS rest_highest,
                     sum(load_rows) AS load_n, sum(load_sum) AS load, max(load_max) AS load_highest
              FROM battery_pack_hour_facts_now($1, $2, $3)) AS sums
        CROSS JOIN LATERAL (VALUES ('top', top_n, top, top_highest),
                                   ('rest', rest_n, rest, rest_highest),
                                   ('load', load_n, load, load_highest)
        ) AS each (condition, n, total, highest)
    $query$ USING of_mcu_id, from_time::TIMESTAMP, to_time::TIMESTAMP;
END $$;

-- Each cell's resistance as a multiple of the median cell's, and the latter in mΩ: medians over the
-- newest 500 steps of the current in the window, at the latest those of its last 90 days.
CREATE OR REPLACE FUNCTION battery_pack_cell_resistance(
    of_mcu_id BIGINT, from_time TIMESTAMPTZ, to_time TIMESTAMPTZ
) RETURNS TABLE (cell SMALLINT, resistance FLOAT8, median_mohm FLOAT8, samples BIGINT)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
SET TimeZone = 'UTC'
SET jit = off
AS $$
BEGIN
    -- Planned anew each time: what is right for a day is not for ten years.
    RETURN QUERY EXECUTE $query$
        WITH steps AS (
            SELECT step_mohm[n] AS mohm, step_ratios[16 * n - 15 : 16 * n] AS ratios
            FROM battery_pack_hour_facts_now($1, $2, $3)
            CROSS JOIN LATERAL generate_subscripts(step_times, 1) AS n
            WHERE step_times IS NOT NULL
            ORDER BY step_times[n] DESC
            LIMIT 500
        )
        SELECT cell::SMALLINT, percentile_cont(0.5) WITHIN GROUP (ORDER BY ratio),
               percentile_cont(0.5) WITHIN GROUP (ORDER BY mohm) , count(*)
        FROM steps CROSS JOIN LATERAL unnest(ratios) WITH ORDINALITY AS each (ratio, cell)
        WHERE ratio IS NOT NULL
        GROUP BY cell
        ORDER BY cell
    $query$ USING of_mcu_id, greatest(from_time, to_time - INTERVAL '90 days')::TIMESTAMP,
                  to_time::TIMESTAMP;
END $$;
