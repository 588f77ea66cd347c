-- The interval of the collector at a time, and whether there was one. Rows from before the first
-- collector are the C program's, with an interval of 10 s.
CREATE OR REPLACE FUNCTION battery_pack_interval_at(of_mcu_id BIGINT, at_utc TIMESTAMP)
RETURNS TABLE (length INTERVAL, by_collector BOOLEAN)
LANGUAGE sql STABLE AS $$
SELECT coalesce(max(interval_s), 10) * INTERVAL '1 second', count(*) > 0
FROM (SELECT interval_s
      FROM battery_pack_events AS told
      WHERE told.mcu_id = of_mcu_id AND event_time_utc <= at_utc
      ORDER BY event_time_utc DESC
      LIMIT 1) AS latest
$$;

-- Why there are no rows after gap_start: the first event in the gap explains it. The battery was
-- lost, the collector stopped, or it started again without having stopped, so it was killed (unless
-- it was the very first start). A gap that lasts still has no end.
CREATE OR REPLACE FUNCTION battery_pack_gap_cause(
    of_mcu_id BIGINT, gap_start TIMESTAMP, gap_end TIMESTAMP, lasts BOOLEAN, by_collector BOOLEAN
) RETURNS TABLE (cause TEXT)
LANGUAGE sql STABLE AS $$
SELECT coalesce(
    (SELECT CASE event WHEN 'battery_lost' THEN 'battery lost'
                       WHEN 'collector_stopped' THEN 'collector stopped'
                       ELSE 'collector killed' END
     FROM battery_pack_events AS told
     WHERE told.mcu_id = of_mcu_id
       AND event_time_utc >= gap_start
       AND event_time_utc <= CASE WHEN lasts THEN 'infinity' ELSE gap_end END
       AND (event IN ('battery_lost', 'collector_stopped') AND (event_time_utc < gap_end OR lasts)
            OR event = 'collector_started' AND by_collector AND event_time_utc > gap_start)
     ORDER BY event_time_utc, event = 'collector_started'
     LIMIT 1),
    'unexplained')
$$;

-- The times without rows, per battery, and why: after gap_from there was no row until gap_to (null
-- if there is none yet). A gap is longer than one and a half of the collector's intervals at that
-- time. Whether the table's times have a zone or not, seconds since 1970 mean UTC, whoever reads
-- them and wherever. It reads the whole table: battery_pack_gaps_between does not.
CREATE OR REPLACE VIEW battery_pack_gaps AS
WITH spans AS (
    SELECT mcu_id,
           insert_time_utc AS gap_from,
           lead(insert_time_utc) OVER (PARTITION BY mcu_id ORDER BY insert_time_utc) AS gap_to
    FROM battery_pack
)
SELECT mcu_id, gap_from, gap_to, utc.gap_end - utc.gap_start AS gap, explained.cause
FROM spans
CROSS JOIN LATERAL (
    SELECT TIMESTAMP 'epoch' + extract(epoch FROM gap_from)::float8 * INTERVAL '1 s' AS gap_start,
           TIMESTAMP 'epoch' + extract(epoch FROM gap_to)::float8 * INTERVAL '1 s' AS known_end
) AS known
CROSS JOIN LATERAL (
    SELECT gap_start, coalesce(known_end, now() AT TIME ZONE 'UTC') AS gap_end
) AS utc
CROSS JOIN LATERAL battery_pack_interval_at(mcu_id, utc.gap_start) AS expected
CROSS JOIN LATERAL battery_pack_gap_cause(
    mcu_id, utc.gap_start, utc.gap_end, gap_to IS NULL, expected.by_collector
) AS explained
WHERE utc.gap_end - utc.gap_start > 1.5 * expected.length;
