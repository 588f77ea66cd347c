-- Each cell's voltage, temperature and deviation from the pack's median (mV) over time: at most so
-- many buckets for each cell that is known in the window; else as battery_pack_series. A window of
-- up to a day is read from the rows, one up to 100 days from the hours, a longer one from the days.
CREATE OR REPLACE FUNCTION battery_pack_cell_series(
    of_mcu_id BIGINT, from_time TIMESTAMPTZ, to_time TIMESTAMPTZ, points INTEGER
) RETURNS TABLE (
    bucket_utc TIMESTAMP, cell SMALLINT,
    v_min REAL, v_mean REAL, v_max REAL, t_min REAL, t_mean REAL, t_max REAL,
    dev_min REAL, dev_mean REAL, dev_max REAL
)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
SET TimeZone = 'UTC'
SET jit = off
AS $$
DECLARE
    from_utc TIMESTAMP := from_time::TIMESTAMP;
    to_utc TIMESTAMP := to_time::TIMESTAMP;
    by_rows BOOLEAN := to_utc - from_utc <= INTERVAL '1 day';
    width_s INTEGER := battery_pack_bucket_s(from_utc, to_utc, points,
                                             CASE WHEN by_rows THEN 1
                                                  WHEN to_utc - from_utc <= INTERVAL '100 days'
                                                  THEN 3600 ELSE 86400 END);
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
        -- All figures of all cells at once, and then a row for each cell: to aggregate sixteen
        -- times as many rows takes twice as long.
        SELECT format($query$
            SELECT bucket, cell::SMALLINT, q1, q2, q3, q4, q5, q6, q7, q8, q9
            FROM (SELECT floor(date_part('epoch', insert_time_utc) / $3) AS bucket,
                         ARRAY[%1$s] AS v_min, ARRAY[%2$s] AS v_mean, ARRAY[%3$s] AS v_max,
                         ARRAY[%4$s] AS t_min, ARRAY[%5$s] AS t_mean, ARRAY[%6$s] AS t_max,
                         ARRAY[%7$s] AS dev_min, ARRAY[%8$s] AS dev_mean, ARRAY[%9$s] AS dev_max
                  FROM battery_pack
                  CROSS JOIN LATERAL (
                      SELECT CASE WHEN max(abs(v)) < 1e30
                                  THEN percentile_cont(0.5) WITHIN GROUP (ORDER BY v) END
                                 AS median_v
                      FROM unnest(ARRAY[%10$s]) AS v
                      OFFSET 0
                  ) AS pack
                  WHERE mcu_id = $4 AND insert_time_utc >= $1 AND insert_time_utc < $2
                  GROUP BY bucket) AS packs
            CROSS JOIN LATERAL unnest(
                v_min, v_mean, v_max, t_min, t_mean, t_max, dev_min, dev_mean, dev_max
            ) WITH ORDINALITY AS one (q1, q2, q3, q4, q5, q6, q7, q8, q9, cell)
            WHERE q1 IS NOT NULL OR q4 IS NOT NULL
        $query$,
        string_agg(format('min(%s)', v), ', '), string_agg(format('avg(%s)', v), ', '),
        string_agg(format('max(%s)', v), ', '),
        string_agg(format('min(%s)::REAL', t), ', '), string_agg(format('avg(%s::REAL)', t), ', '),
        string_agg(format('max(%s)::REAL', t), ', '),
        string_agg(format('min(%s - median_v) * 1000', v), ', '),
        string_agg(format('avg(%s - median_v) * 1000', v), ', '),
        string_agg(format('max(%s - median_v) * 1000', v), ', '),
        string_agg(v, ', '))
        INTO figures
        FROM (SELECT format('cell_%s_v', lpad(n::TEXT, 2, '0')) AS v,
                     format('cell_%s_t', lpad(n::TEXT, 2, '0')) AS t
              FROM generate_series(1, 16) AS n ORDER BY n) AS cells;
    ELSE
        figures := format($query$
            SELECT floor(date_part('epoch', hour_utc) / $3) AS bucket, cell::SMALLINT,
                   min(v_min), sum(v_mean * n) / sum(n + 0 * v_mean), max(v_max),
                   min(t_min), sum(t_mean * n) / sum(n + 0 * t_mean), max(t_max),
                   min(dev_min), sum(dev_mean * n) / sum(n + 0 * dev_mean), max(dev_max)
            FROM %s
            CROSS JOIN LATERAL unnest(
                cell_v_min, cell_v_mean, cell_v_max, cell_t_min, cell_t_mean, cell_t_max,
                cell_dev_min, cell_dev_mean, cell_dev_max
            ) WITH ORDINALITY AS one (
                v_min, v_mean, v_max, t_min, t_mean, t_max, dev_min, dev_mean, dev_max, cell
            )
            CROSS JOIN LATERAL (SELECT row_count::FLOAT8 AS n) AS weight
            WHERE v_min IS NOT NULL OR t_min IS NOT NULL
            GROUP BY bucket, cell
        $query$, CASE WHEN width_s >= 86400
                      THEN '(SELECT *, day_utc AS hour_utc '
                           'FROM battery_pack_days_now($4, $1, $2)) AS days'
                      ELSE 'battery_pack_hours_now($4, $1, $2)' END);
    END IF;
    -- Planned anew each time: what is right for a day is not for ten years.
    RETURN QUERY EXECUTE format($query$
        WITH figures (bucket, cell, q1, q2, q3, q4, q5, q6, q7, q8, q9) AS (%s)
        SELECT bucket_utc, cells.cell, q1::REAL, q2::REAL, q3::REAL, q4::REAL, q5::REAL, q6::REAL,
               q7::REAL, q8::REAL, q9::REAL
        FROM generate_series($1, $2 - $3 * INTERVAL '1 s', $3 * INTERVAL '1 s') AS bucket_utc
        CROSS JOIN (SELECT DISTINCT cell FROM figures) AS cells
        LEFT JOIN figures ON figures.cell = cells.cell
                         AND bucket = floor(date_part('epoch', bucket_utc) / $3)
        ORDER BY bucket_utc, cell
    $query$, figures) USING first_utc, end_utc, width_s, of_mcu_id;
END $$;
