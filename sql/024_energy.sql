-- Energy charged and discharged per hour, day, week (from Monday) or month in a time zone. Each
-- bucket is whole, even if the window begins or ends within it; one of which nothing is known has
-- nulls. energy_in and energy_out are what the battery's own totals grew by, in their unit, as far
-- as that is plausible; what they grew by in a gap counts when the battery is heard again.
-- integral_in and integral_out are power over time, in kWh, and know nothing of gaps.
CREATE OR REPLACE FUNCTION battery_pack_energy(
    of_mcu_id BIGINT, from_time TIMESTAMPTZ, to_time TIMESTAMPTZ, bucket TEXT, time_zone TEXT
) RETURNS TABLE (
    bucket_begin TIMESTAMPTZ, bucket_end TIMESTAMPTZ, bucket_local TIMESTAMP,
    energy_in FLOAT8, energy_out FLOAT8, integral_in FLOAT8, integral_out FLOAT8
)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
SET TimeZone = 'UTC'
SET jit = off
SET work_mem = '16MB' -- ten years need 4 to sort
AS $$
DECLARE
    step INTERVAL;
    local_from TIMESTAMP;
    local_to TIMESTAMP := to_time AT TIME ZONE time_zone;
    begins TIMESTAMP[]; -- in UTC, and the last one's end
    hour_before TIMESTAMP;
BEGIN
    IF bucket IS NULL OR bucket NOT IN ('hour', 'day', 'week', 'month') THEN
        RAISE EXCEPTION 'The bucket is hour, day, week or month, and not %', bucket
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    local_from := date_trunc(bucket, from_time AT TIME ZONE time_zone);
    IF from_time >= to_time OR local_from IS NULL OR local_to IS NULL THEN
        RETURN;
    END IF;
    step := ('1 ' || bucket)::INTERVAL;
    IF bucket = 'hour' THEN
        -- In UTC, as one hour in autumn has the same local time as the next one.
        begins := ARRAY(SELECT generate_series(
            from_time::TIMESTAMP - (from_time AT TIME ZONE time_zone - local_from),
            to_time::TIMESTAMP - INTERVAL '1 us' + step, step));
    ELSE
        begins := ARRAY(SELECT (one AT TIME ZONE time_zone)::TIMESTAMP
                        FROM generate_series(local_from, local_to - INTERVAL '1 us' + step, step)
                             AS one
                        ORDER BY one);
    END IF;
    SELECT coalesce(beside.hour_before, begins[1]) INTO hour_before
    FROM battery_pack_hours_beside(
        of_mcu_id, date_trunc('hour', begins[1]), begins[array_length(begins, 1)]) AS beside;
    -- Planned anew each time: what is right for a day is not for ten years.
    RETURN QUERY EXECUTE $query$
        WITH facts AS (
            SELECT hour_utc, told_in_first, told_in_last, told_out_first, told_out_last, n,
                   told_in, told_out, in_kwh, out_kwh,
                   -- By its quarters, only of an hour that lies in two buckets.
                   last_n,
                   CASE WHEN n < last_n THEN quarters_told_in END AS quarters_told_in,
                   CASE WHEN n < last_n THEN quarters_told_out END AS quarters_told_out,
                   CASE WHEN n < last_n THEN quarters_in_kwh END AS quarters_in_kwh,
                   CASE WHEN n < last_n THEN quarters_out_kwh END AS quarters_out_kwh
            FROM battery_pack_hour_facts_now($1, $3, $2[array_length($2, 1)])
            CROSS JOIN LATERAL (
                SELECT width_bucket(hour_utc, $2) AS n,
                       width_bucket(hour_utc + INTERVAL '45 min', $2) AS last_n
                OFFSET 0
            ) AS place
        ),
        parts AS (
            SELECT n, told_in AS energy_in, told_out AS energy_out,
                   in_kwh AS integral_in, out_kwh AS integral_out
            FROM facts WHERE n = last_n
            UNION ALL
            SELECT width_bucket(hour_utc + (quarter - 1) * INTERVAL '15 min', $2),
                   quarters_told_in[quarter], quarters_told_out[quarter],
                   quarters_in_kwh[quarter], quarters_out_kwh[quarter]
            FROM facts CROSS JOIN generate_series(1, 4) AS quarter
            WHERE n < last_n
            UNION ALL
            -- From the last total of an hour to the first one of the next that knows one.
            SELECT n, grown, NULL, NULL, NULL
            FROM (SELECT n, told_in_first - lag(told_in_last) OVER by_hour AS grown,
                         hour_utc - lag(hour_utc) OVER by_hour AS apart
                  FROM facts WHERE told_in_first IS NOT NULL
                  WINDOW by_hour AS (ORDER BY hour_utc)) AS joined
            WHERE grown BETWEEN 0 AND 200 * date_part('epoch', apart) / 3600
            UNION ALL
            SELECT n, NULL, grown, NULL, NULL
            FROM (SELECT n, told_out_first - lag(told_out_last) OVER by_hour AS grown,
                         hour_utc - lag(hour_utc) OVER by_hour AS apart
                  FROM facts WHERE told_out_first IS NOT NULL
                  WINDOW by_hour AS (ORDER BY hour_utc)) AS joined
            WHERE grown BETWEEN 0 AND 200 * date_part('epoch', apart) / 3600
        ),
        sums AS (
            SELECT n, sum(energy_in) AS energy_in, sum(energy_out) AS energy_out,
                   sum(integral_in) AS integral_in, sum(integral_out) AS integral_out
            FROM parts GROUP BY n
        )
        SELECT $2[n]::TIMESTAMPTZ, $2[n + 1]::TIMESTAMPTZ,
               -- A day that has no midnight on the clock has it as its name.
               date_trunc($5, $2[n]::TIMESTAMPTZ AT TIME ZONE $4),
               energy_in, energy_out, integral_in, integral_out
        FROM generate_series(1, array_length($2, 1) - 1) AS n
        LEFT JOIN sums USING (n)
        ORDER BY n
    $query$ USING of_mcu_id, begins, hour_before, time_zone, bucket;
END $$;
