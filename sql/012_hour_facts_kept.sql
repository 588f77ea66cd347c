-- Makes the facts of hours anew with the hours. Hours whose rows were removed on purpose keep
-- theirs.
CREATE OR REPLACE FUNCTION battery_pack_hour_facts_follow_hours() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT -- whoever writes the hours: pg_dump's lines have none
AS $$
BEGIN
    DELETE FROM battery_pack_hour_facts AS facts
    USING changed
    WHERE facts.mcu_id = changed.mcu_id AND facts.hour_utc = changed.hour_utc
      AND (TG_OP = 'DELETE' OR NOT changed.rows_removed);
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO battery_pack_hour_facts
        SELECT facts.*
        FROM (SELECT mcu_id, min(hour_utc) AS begins, max(hour_utc) + INTERVAL '1 hour' AS ends
              FROM (SELECT mcu_id, hour_utc,
                           hour_utc - INTERVAL '1 hour' * row_number()
                               OVER (PARTITION BY mcu_id ORDER BY hour_utc) AS together
                    FROM changed WHERE NOT rows_removed) AS numbered
              GROUP BY mcu_id, together) AS hours
        CROSS JOIN LATERAL battery_pack_hour_facts_from_rows(mcu_id, begins, ends) AS facts;
    END IF;
    RETURN NULL;
END $$;
