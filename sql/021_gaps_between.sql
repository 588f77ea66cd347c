-- The gaps of one battery that overlap a window, as battery_pack_gaps has them, found by the hours.
CREATE OR REPLACE FUNCTION battery_pack_gaps_between(
    of_mcu_id BIGINT, from_time TIMESTAMPTZ, to_time TIMESTAMPTZ
) RETURNS TABLE (
    mcu_id BIGINT, gap_from TIMESTAMP, gap_to TIMESTAMP, gap INTERVAL, cause TEXT
)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
SET TimeZone = 'UTC'
SET jit = off
SET work_mem = '16MB' -- ten years need 8 to sort
AS $$
DECLARE
    from_utc TIMESTAMP := from_time::TIMESTAMP;
    to_utc TIMESTAMP := to_time::TIMESTAMP;
    before_it TIMESTAMP;
    after_it TIMESTAMP;
    shortest INTERVAL := 1.5 * INTERVAL '1 s'
        * least(10, (SELECT min(interval_s) FROM battery_pack_events AS told
                     WHERE told.mcu_id = of_mcu_id));
BEGIN
    IF to_utc <= from_utc THEN
        RETURN;
    END IF;
    SELECT coalesce(hour_before, date_trunc('hour', from_utc)),
           coalesce(hour_after + INTERVAL '1 hour', to_utc)
    INTO before_it, after_it
    FROM battery_pack_hours_beside(of_mcu_id, from_utc, to_utc);
    -- Planned anew each time: what is right for a day is not for ten years.
    RETURN QUERY EXECUTE $query$
        WITH spans AS (
            SELECT last_time AS gap_from, lead(first_time) OVER (ORDER BY hour_utc) AS gap_to
            FROM battery_pack_hours_now($1, $4, $5)
            UNION ALL
            SELECT one.gap_from, one.gap_to
            FROM battery_pack_hour_facts_now($1, $4, $5)
            CROSS JOIN LATERAL unnest(gaps_from, gaps_to) AS one (gap_from, gap_to)
            WHERE gaps_from IS NOT NULL
        )
        SELECT $1, gap_from, gap_to, gap_end - gap_from, explained.cause
        FROM spans
        CROSS JOIN LATERAL (
            SELECT coalesce(gap_to, now() AT TIME ZONE 'UTC') AS gap_end OFFSET 0
        ) AS utc
        CROSS JOIN LATERAL battery_pack_interval_at($1, gap_from) AS expected
        CROSS JOIN LATERAL battery_pack_gap_cause(
            $1, gap_from, gap_end, gap_to IS NULL, expected.by_collector
        ) AS explained
        WHERE gap_from < $3 AND gap_end > $2
          AND gap_end - gap_from > $6 -- spares most of them a look at the events
          AND gap_end - gap_from > 1.5 * expected.length
        ORDER BY gap_from
    $query$ USING of_mcu_id, from_utc, to_utc, before_it, after_it, shortest;
END $$;
