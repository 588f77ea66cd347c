-- Triggers on battery_pack run these in the transaction of whoever writes there, and with the rights
-- of who made them: no account needs a right of its own. They only add marks, so that those who
-- write never wait for each other. What the hours around a marked one need is found out later.
--
-- A time that is no date of anybody's (infinity, before Christ) has no hour.
CREATE OR REPLACE FUNCTION battery_pack_mark_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET TimeZone = 'UTC' -- a column with a zone is read as UTC, too
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO battery_pack_changed_hours (mcu_id, hour_utc)
        SELECT DISTINCT mcu_id, date_trunc('hour', insert_time_utc::TIMESTAMP) FROM new_rows
        WHERE mcu_id IS NOT NULL AND insert_time_utc >= '0001-01-01'
          AND insert_time_utc < '9999-01-01';
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO battery_pack_changed_hours (mcu_id, hour_utc)
        SELECT mcu_id, date_trunc('hour', insert_time_utc::TIMESTAMP) FROM old_rows
        WHERE mcu_id IS NOT NULL AND insert_time_utc >= '0001-01-01'
          AND insert_time_utc < '9999-01-01'
        UNION
        SELECT mcu_id, date_trunc('hour', insert_time_utc::TIMESTAMP) FROM new_rows
        WHERE mcu_id IS NOT NULL AND insert_time_utc >= '0001-01-01'
          AND insert_time_utc < '9999-01-01';
    -- The recorder sets this while it removes old rows (KEEP_RAW_DAYS): their hours stay.
    ELSIF current_setting('bluenova.removes_rows', true) IS DISTINCT FROM 'on' THEN
        INSERT INTO battery_pack_changed_hours (mcu_id, hour_utc)
        SELECT DISTINCT mcu_id, date_trunc('hour', insert_time_utc::TIMESTAMP) FROM old_rows
        WHERE mcu_id IS NOT NULL AND insert_time_utc >= '0001-01-01'
          AND insert_time_utc < '9999-01-01';
    END IF;
    RETURN NULL;
END
$$;

-- For a table that cannot hand over all changed rows at once: a hypertable.
CREATE OR REPLACE FUNCTION battery_pack_mark_changed_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET TimeZone = 'UTC'
AS $$
BEGIN
    IF TG_OP IN ('UPDATE', 'DELETE') AND OLD.mcu_id IS NOT NULL
       AND OLD.insert_time_utc >= '0001-01-01' AND OLD.insert_time_utc < '9999-01-01'
       AND NOT (TG_OP = 'DELETE'
                AND current_setting('bluenova.removes_rows', true) IS NOT DISTINCT FROM 'on')
    THEN
        INSERT INTO battery_pack_changed_hours (mcu_id, hour_utc)
        VALUES (OLD.mcu_id, date_trunc('hour', OLD.insert_time_utc::TIMESTAMP));
    END IF;
    IF TG_OP IN ('INSERT', 'UPDATE') AND NEW.mcu_id IS NOT NULL
       AND NEW.insert_time_utc >= '0001-01-01' AND NEW.insert_time_utc < '9999-01-01'
    THEN
        INSERT INTO battery_pack_changed_hours (mcu_id, hour_utc)
        VALUES (NEW.mcu_id, date_trunc('hour', NEW.insert_time_utc::TIMESTAMP));
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION battery_pack_mark_truncated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
AS $$
BEGIN
    INSERT INTO battery_pack_changed_hours (mcu_id, hour_utc)
    SELECT mcu_id, hour_utc FROM battery_pack_hours WHERE NOT rows_removed;
    RETURN NULL;
END
$$;

-- They find their tables whatever the writer's search_path is.
DO $$
DECLARE
    home TEXT := (SELECT quote_ident(nspname) FROM pg_class
                  JOIN pg_namespace ON pg_namespace.oid = relnamespace
                  WHERE pg_class.oid = to_regclass('battery_pack_changed_hours'));
    one TEXT;
BEGIN
    FOREACH one IN ARRAY ARRAY['battery_pack_mark_changed', 'battery_pack_mark_changed_row',
                               'battery_pack_mark_truncated'] LOOP
        EXECUTE format('ALTER FUNCTION %s() SET search_path = %s, pg_temp', one, home);
    END LOOP;
END
$$;
