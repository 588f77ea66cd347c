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
SET work_mem = '32MB' -- ten years need as much to sort
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
                   said = lag(said) OVER (ORDER BY hour_utc) AS goes_on
            FROM battery_pack_hour_facts_now($1, $4, $3)
            CROSS JOIN LATERAL (
                SELECT array_position(state_names, $5) AS place OFFSET 0
            ) AS of_one
            CROSS JOIN LATERAL (
                -- What the whole hour said; null if something changed, or was not said.
                SELECT CASE WHEN place IS NOT NULL AND state_names[place + 1] IS DISTINCT FROM $5
                            THEN state_values[place:place]
                            WHEN $5 IS NULL AND state_names = ARRAY['breaker', 'charge_state',
                                                                    'errors', 'system_state']
                            THEN state_values END AS said
                OFFSET 0
            ) AS throughout
        ),
        -- An hour that says nothing but what the hours before and after it say can be left out.
        telling AS (
            SELECT state_names, state_values, states_from, states_to
            FROM (SELECT *, goes_on AND lead(goes_on) OVER (ORDER BY hour_utc) AS is_dull
                  FROM hours) AS compared
            WHERE is_dull IS NOT TRUE
        ),
        parts AS (
            SELECT name, value, state_from,
                   value IS DISTINCT FROM lag(value) OVER by_time AS is_new,
                   lag(state_to) OVER by_time AS seen_before,
                   last_value(state_to) OVER (
                       by_time ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS seen_last
            FROM telling
            CROSS JOIN LATERAL unnest(state_names, state_values, states_from, states_to)
                AS one (name, value, state_from, state_to)
            WHERE $5 IS NULL OR name = $5
            WINDOW by_time AS (PARTITION BY name ORDER BY state_from)
        ),
        -- A stretch begins with each new value; it was seen for the last time before the next one.
        stretches AS (
            SELECT name, value, state_from AS began, lead(state_from) OVER by_time AS ended,
                   coalesce(lead(seen_before) OVER by_time, seen_last) AS last_seen,
                   row_number() OVER by_time AS n
            FROM parts WHERE is_new
            WINDOW by_time AS (PARTITION BY name ORDER BY state_from)
        )
        SELECT name, value, began, ended, coalesce(ended, last_seen) - began, last_seen,
               n = 1 AND began < $2
        FROM stretches
        WHERE began < $3 AND coalesce(ended, last_seen) >= $2
        ORDER BY began, name
    $query$ USING of_mcu_id, from_utc, to_utc, scan_from, only_name;
END $$;
