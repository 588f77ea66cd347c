-- What functions read: the hours as they are at this moment, those that are not up to date in
-- battery_pack_hours from the rows. Old rows that have not got their hours yet (see
-- battery_pack_hours_filled) are read only in a window's last two days, and left out before: to
-- read years of rows would take minutes.

-- The hours from from_utc to to_utc whose rows have changed. Those of rows that were removed on
-- purpose stay as they are.
CREATE OR REPLACE FUNCTION battery_pack_hours_marked(
    of_mcu_id BIGINT, from_utc TIMESTAMP, to_utc TIMESTAMP
) RETURNS TABLE (hour_utc TIMESTAMP)
LANGUAGE sql STABLE AS $$
SELECT DISTINCT marks.hour_utc
FROM battery_pack_changed_hours AS marks
WHERE marks.mcu_id = of_mcu_id AND marks.hour_utc >= date_trunc('hour', from_utc)
  AND marks.hour_utc < to_utc
  AND NOT EXISTS (SELECT FROM battery_pack_hours AS hours
                  WHERE hours.mcu_id = of_mcu_id AND hours.hour_utc = marks.hour_utc
                    AND rows_removed)
$$;

-- The hours from from_utc to to_utc of which battery_pack_hours is not up to date, those that
-- follow each other together. All, if nobody keeps it.
CREATE OR REPLACE FUNCTION battery_pack_hours_behind(
    of_mcu_id BIGINT, from_utc TIMESTAMP, to_utc TIMESTAMP
) RETURNS TABLE (begins TIMESTAMP, ends TIMESTAMP)
LANGUAGE sql STABLE AS $$
SELECT min(hour_utc), max(hour_utc) + INTERVAL '1 hour'
FROM (SELECT hour_utc, hour_utc - INTERVAL '1 hour' * row_number() OVER (ORDER BY hour_utc)
                 AS together
      FROM (SELECT hour_utc FROM battery_pack_hours_marked(of_mcu_id, from_utc, to_utc)
            UNION
            SELECT hour_utc
            FROM generate_series(
                date_trunc('hour', greatest(from_utc, to_utc - INTERVAL '2 days')),
                to_utc - INTERVAL '1 us', INTERVAL '1 hour'
            ) AS hour_utc
            WHERE hour_utc < (SELECT max(filled_from) FROM battery_pack_hours_filled)
              AND hour_utc NOT IN (SELECT hour_utc FROM battery_pack_hours
                                   WHERE mcu_id = of_mcu_id
                                     AND hour_utc < to_utc
                                     AND hour_utc >= date_trunc(
                                         'hour', greatest(from_utc, to_utc - INTERVAL '2 days')))
           ) AS behind) AS numbered
WHERE EXISTS (SELECT FROM battery_pack_hours_filled)
GROUP BY together
UNION ALL
SELECT date_trunc('hour', from_utc), to_utc
WHERE from_utc < to_utc AND NOT EXISTS (SELECT FROM battery_pack_hours_filled)
$$;

CREATE OR REPLACE FUNCTION battery_pack_hours_now(
    of_mcu_id BIGINT, from_utc TIMESTAMP, to_utc TIMESTAMP
) RETURNS SETOF battery_pack_hours
LANGUAGE sql STABLE AS $$
SELECT hours.*
FROM battery_pack_hours AS hours
WHERE mcu_id = of_mcu_id AND hour_utc >= date_trunc('hour', from_utc) AND hour_utc < to_utc
  AND EXISTS (SELECT FROM battery_pack_hours_filled)
  AND hour_utc NOT IN (SELECT hour_utc
                       FROM battery_pack_hours_marked(of_mcu_id, from_utc, to_utc))
UNION ALL
SELECT hours.*
FROM battery_pack_hours_behind(of_mcu_id, from_utc, to_utc) AS behind
CROSS JOIN LATERAL battery_pack_hours_from_rows(of_mcu_id, begins, ends) AS hours
$$;

CREATE OR REPLACE FUNCTION battery_pack_hour_facts_now(
    of_mcu_id BIGINT, from_utc TIMESTAMP, to_utc TIMESTAMP
) RETURNS SETOF battery_pack_hour_facts
LANGUAGE sql STABLE AS $$
SELECT facts.*
FROM battery_pack_hour_facts AS facts
WHERE mcu_id = of_mcu_id AND hour_utc >= date_trunc('hour', from_utc) AND hour_utc < to_utc
  AND EXISTS (SELECT FROM battery_pack_hours_filled)
  AND hour_utc NOT IN (SELECT hour_utc
                       FROM battery_pack_hours_marked(of_mcu_id, from_utc, to_utc))
UNION ALL
SELECT facts.*
FROM battery_pack_hours_behind(of_mcu_id, from_utc, to_utc) AS behind
CROSS JOIN LATERAL battery_pack_hour_facts_from_rows(of_mcu_id, begins, ends) AS facts
$$;

-- The battery's newest hour with rows before a time, and its next one from that time on; null if
-- there is none. The rows may have been removed on purpose. (Compared and ordered by both columns
-- of the key: else a planner may walk through the index on time, past all other batteries' rows.)
CREATE OR REPLACE FUNCTION battery_pack_hours_beside(
    of_mcu_id BIGINT, from_utc TIMESTAMP, to_utc TIMESTAMP
) RETURNS TABLE (hour_before TIMESTAMP, hour_after TIMESTAMP)
LANGUAGE sql STABLE AS $$
SELECT coalesce((SELECT date_trunc('hour', insert_time_utc::TIMESTAMP)
                 FROM (SELECT mcu_id, insert_time_utc FROM battery_pack
                       WHERE (mcu_id, insert_time_utc) < (of_mcu_id, from_utc)
                       ORDER BY mcu_id DESC, insert_time_utc DESC LIMIT 1) AS before_it
                 WHERE mcu_id = of_mcu_id),
                (SELECT max(hour_utc) FROM battery_pack_hours
                 WHERE mcu_id = of_mcu_id AND hour_utc < date_trunc('hour', from_utc))),
       coalesce((SELECT date_trunc('hour', insert_time_utc::TIMESTAMP)
                 FROM (SELECT mcu_id, insert_time_utc FROM battery_pack
                       WHERE (mcu_id, insert_time_utc) >= (of_mcu_id, to_utc)
                       ORDER BY mcu_id, insert_time_utc LIMIT 1) AS after_it
                 WHERE mcu_id = of_mcu_id),
                (SELECT min(hour_utc) FROM battery_pack_hours
                 WHERE mcu_id = of_mcu_id AND hour_utc >= to_utc))
$$;

-- The triggers stand here, as this file is run again if battery_pack_hours was dropped and made
-- anew: the functions above go with it.
DO $$
DECLARE
    action TEXT;
    follower TEXT;
BEGIN
    FOREACH action IN ARRAY ARRAY['insert', 'update', 'delete'] LOOP
        FOREACH follower IN ARRAY ARRAY['hour_facts', 'days'] LOOP
            IF NOT EXISTS (SELECT FROM pg_trigger
                           WHERE tgrelid = to_regclass('battery_pack_hours')
                             AND tgname = format('battery_pack_%s_follow_%s', follower, action))
            THEN
                EXECUTE format(
                    'CREATE TRIGGER battery_pack_%2$s_follow_%1$s AFTER %1$s ON battery_pack_hours '
                    'REFERENCING %3$s TABLE AS changed '
                    'FOR EACH STATEMENT EXECUTE PROCEDURE battery_pack_%2$s_follow_hours()',
                    action, follower, CASE action WHEN 'delete' THEN 'OLD' ELSE 'NEW' END);
            END IF;
        END LOOP;
    END LOOP;
END $$;
