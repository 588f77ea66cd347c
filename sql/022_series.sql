-- The width of a bucket, in seconds, so that a window has at most so many of them, the first and
-- the last one whole: a round one, and at least at_least_s.
CREATE OR REPLACE FUNCTION battery_pack_bucket_s(
    from_utc TIMESTAMP, to_utc TIMESTAMP, points INTEGER, at_least_s INTEGER
) RETURNS INTEGER
LANGUAGE sql IMMUTABLE AS $$
SELECT min(width_s)
FROM (SELECT unnest(ARRAY[1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1200, 1800]) AS width_s
      UNION ALL SELECT 3600 * unnest(ARRAY[1, 2, 3, 4, 6, 8, 12])
      UNION ALL SELECT 86400 * days FROM generate_series(1, 1000) AS days
      UNION ALL SELECT 86400 * 1000 * more FROM generate_series(2, 24) AS more) AS round
WHERE width_s >= at_least_s
  AND ceil(date_part('epoch', to_utc) / width_s) - floor(date_part('epoch', from_utc) / width_s)
      <= greatest(points, 1)
$$;

-- A battery's quantities over time: at most so many buckets, each of them whole. Buckets begin on
-- multiples of their width in UTC. One without rows has nulls. A window of up to five days is read
-- from the rows, a longer one from the hours, or from the days if a bucket is a day or longer; a
-- mean of hours or days weighs each by its rows.
CREATE OR REPLACE FUNCTION battery_pack_series(
    of_mcu_id BIGINT, from_time TIMESTAMPTZ, to_time TIMESTAMPTZ, points INTEGER
) RETURNS TABLE (
    bucket_utc TIMESTAMP, row_count BIGINT,
    v_pack_min REAL, v_pack_mean REAL, v_pack_max REAL,
    i_pack_min REAL, i_pack_mean REAL, i_pack_max REAL,
    power_min REAL, power_mean REAL, power_max REAL,
    soc_min REAL, soc_mean REAL, soc_max REAL,
    temp_min REAL, temp_mean REAL, temp_max REAL,
    v_cell_min_min REAL, v_cell_min_mean REAL, v_cell_min_max REAL,
    v_cell_max_min REAL, v_cell_max_mean REAL, v_cell_max_max REAL,
    spread_min REAL, spread_mean REAL, spread_max REAL
)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
SET TimeZone = 'UTC'
SET jit = off
AS $$
DECLARE
    from_utc TIMESTAMP := from_time::TIMESTAMP;
    to_utc TIMESTAMP := to_time::TIMESTAMP;
    by_rows BOOLEAN := to_utc - from_utc <= INTERVAL '5 days';
    width_s INTEGER := battery_pack_bucket_s(from_utc, to_utc, points,
                                             CASE WHEN by_rows THEN 1 ELSE 3600 END);
    first_utc TIMESTAMP := TIMESTAMP 'epoch' + INTERVAL '1 s'
        * (floor(date_part('epoch', from_utc) / width_s) * width_s);
    end_utc TIMESTAMP := TIMESTAMP 'epoch' + INTERVAL '1 s'
        * (ceil(date_part('epoch', to_utc) / width_s) * width_s);
    figures TEXT;
BEGIN
    IF to_utc <= from_utc OR width_s IS NULL THEN
        RETURN;
    END IF;
    IF by_rows THEN
        figures := $query$
            SELECT floor(date_part('epoch', insert_time_utc) / $3) AS bucket,
                   count(*) AS row_count,
                   min(v_pack), avg(v_pack), max(v_pack),
                   min(i_pack), avg(i_pack), max(i_pack),
                   min(power), avg(power), max(power),
                   min(soc), avg(soc::REAL), max(soc),
                   min(temp), avg(temp::REAL), max(temp),
                   min(v_cell_min), avg(v_cell_min), max(v_cell_min),
                   min(v_cell_max), avg(v_cell_max), max(v_cell_max),
                   min(spread), avg(spread), max(spread)
            FROM battery_pack
            CROSS JOIN LATERAL (
                -- What is too large for a REAL, or no number, is not known.
                SELECT CASE WHEN abs(v_pack::FLOAT8 * i_pack) < 1e30
                            THEN v_pack::FLOAT8 * i_pack END AS power,
                       CASE WHEN abs(v_cell_max::FLOAT8 - v_cell_min) < 1e30
                            THEN round((v_cell_max::FLOAT8 - v_cell_min) * 1000) / 1000
                       END AS spread
            ) AS derived
            WHERE mcu_id = $4 AND insert_time_utc >= $1 AND insert_time_utc < $2
            GROUP BY bucket
        $query$;
    ELSE
        -- Rows of quantities that are null in some rows only are counted as if they were known.
        figures := format($query$
            SELECT floor(date_part('epoch', hour_utc) / $3) AS bucket,
                   sum(row_count) AS row_count,
                   min(v_pack_min), sum(v_pack_mean * n) / sum(n + 0 * v_pack_mean),
                   max(v_pack_max),
                   min(i_pack_min), sum(i_pack_mean * n) / sum(n + 0 * i_pack_mean),
                   max(i_pack_max),
                   min(power_min), sum(power_mean * n) / sum(n + 0 * power_mean),
                   max(power_max),
                   min(soc_min), sum(soc_mean * n) / sum(n + 0 * soc_mean), max(soc_max),
                   min(temp_min), sum(temp_mean * n) / sum(n + 0 * temp_mean), max(temp_max),
                   min(v_cell_min_min), sum(v_cell_min_mean * n) / sum(n + 0 * v_cell_min_mean),
                   max(v_cell_min_max),
                   min(v_cell_max_min), sum(v_cell_max_mean * n) / sum(n + 0 * v_cell_max_mean),
                   max(v_cell_max_max),
                   min(spread_min), sum(spread_mean * n) / sum(n + 0 * spread_mean),
                   max(spread_max)
            FROM %s
            CROSS JOIN LATERAL (SELECT row_count::FLOAT8 AS n) AS weight
            GROUP BY bucket
        $query$, CASE WHEN width_s >= 86400
                      THEN '(SELECT *, day_utc AS hour_utc '
                           'FROM battery_pack_days_now($4, $1, $2)) AS days'
                      ELSE 'battery_pack_hours_now($4, $1, $2)' END);
    END IF;
    -- Planned anew each time: what is right for a day is not for ten years.
    RETURN QUERY EXECUTE format($query$
        SELECT bucket_utc, row_count::BIGINT,
               q1::REAL, q2::REAL, q3::REAL, q4::REAL, q5::REAL, q6::REAL, q7::REAL, q8::REAL,
               q9::REAL, q10::REAL, q11::REAL, q12::REAL, q13::REAL, q14::REAL, q15::REAL,
               q16::REAL, q17::REAL, q18::REAL, q19::REAL, q20::REAL, q21::REAL, q22::REAL,
               q23::REAL, q24::REAL
        FROM generate_series($1, $2 - $3 * INTERVAL '1 s', $3 * INTERVAL '1 s') AS bucket_utc
        LEFT JOIN (%s) AS figures (
            bucket, row_count, q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, q11, q12, q13, q14, q15,
            q16, q17, q18, q19, q20, q21, q22, q23, q24
        ) ON bucket = floor(date_part('epoch', bucket_utc) / $3)
        ORDER BY bucket_utc
    $query$, figures) USING first_utc, end_utc, width_s, of_mcu_id;
END $$;
