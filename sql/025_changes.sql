-- What errors, breaker, system_state and charge_state said in a window: a row for each stretch in
-- which one of them said the same. ended is null if it said so until the window's end;
-- began_before: it had said so before the window, for longer than told here. A gap, or rows that do
-- not say it, end no stretch if the same is said again: last_seen is its last row. What is given
-- as the name limits it to one of the four.
CREATE OR REPLACE FUNCTION battery_pack_changes(
    of_mcu_id BIGINT, from_time TIMESTAMPTZ, to_time TIMESTAMPTZ, only_name TEXT DEFAULT NULL
) RETURNS TABLE (
    name TEXT, value TEXT, began TIMESTAMP, ended TIMESTAMP, duration INTERVAL,
    last_seen TIMESTAMP, began_before BOOLEAN
)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
SET TimeZone = 'UTC'
SET jit = off
SET work_mem = '16MB' -- ten years need 4 to sort
AS $$
DECLARE
    from_utc TIMESTAMP := from_time::TIMESTAMP;
    to_utc TIMESTAMP := to_time::TIMESTAMP;
    scan_from TIMESTAMP;
BEGIN
    IF from_utc >= to_utc OR from_utc IS NULL OR to_utc IS NULL THEN
        RETURN;
    END IF;
    SELECT coalesce(hour_before, date_trunc('hour', from_utc)) INTO scan_from
    FROM battery_pack_hours_beside(of_mcu_id, date_trunc('hour', from_utc), to_utc);
    -- Planned anew each time: what is right for a day is not for ten years.
    RETURN QUERY EXECUTE $query$
        WITH hours AS (
            SELECT hour_utc, state_names, state_values, states_from, states_to,
                   state_values = lag(state_values) OVER by_hour
                       AND state_names = lag(state_names) OVER by_hour AS goes_on
            FROM battery_pack_hour_facts_now($1, $4, $3)
            WINDOW by_hour AS (ORDER BY hour_utc)
        ),
        -- An hour that says nothing but what the hours before and after it say can be left out.
        telling AS (
            SELECT state_names, state_values, states_from, states_to
            FROM (SELECT *, goes_on AND lead(goes_on) OVER (ORDER BY hour_utc)
                            AND state_names = ARRAY['breaker', 'charge_state', 'errors',
                                                    'system_state'] AS is_dull
                  FROM hours) AS compared
            WHERE is_dull IS NOT TRUE
        ),
        parts AS (
            SELECT name, value, state_from, state_to,
                   value IS DISTINCT FROM
                       lag(value) OVER (PARTITION BY name ORDER BY state_from) AS is_new
            FROM telling
            CROSS JOIN LATERAL unnest(state_names, state_values, states_from, states_to)
                AS one (name, value, state_from, state_to)
            WHERE $5 IS NULL OR name = $5
        ),
        stretches AS (
            SELECT name, stretch, min(value) AS value, min(state_from) AS began,
                   max(state_to) AS last_seen
            FROM (SELECT *, sum(is_new::INTEGER) OVER (PARTITION BY name ORDER BY state_from)
                                AS stretch
                  FROM parts) AS numbered
            GROUP BY name, stretch
        )
        SELECT name, value, began, ended, coalesce(ended, last_seen) - began, last_seen,
               stretch = 1 AND began < $2
        FROM (SELECT *, lead(began) OVER (PARTITION BY name ORDER BY stretch) AS ended
              FROM stretches) AS spans
        WHERE began < $3 AND coalesce(ended, last_seen) >= $2
        ORDER BY began, name
    $query$ USING of_mcu_id, from_utc, to_utc, scan_from, only_name;
END $$;
