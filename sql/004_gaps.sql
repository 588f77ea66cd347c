-- The times without rows, per battery, and why: after gap_from there was no row until gap_to (null
-- if there is none yet). A gap is longer than one and a half of the collector's intervals at that
-- time. Rows from before the first collector are the C program's, with an interval of 10 s.
CREATE OR REPLACE VIEW battery_pack_gaps AS
WITH spans AS (
    SELECT mcu_id,
           insert_time_utc AS gap_from,
           lead(insert_time_utc) OVER (PARTITION BY mcu_id ORDER BY insert_time_utc) AS gap_to
    FROM battery_pack
)
SELECT mcu_id,
       gap_from,
       gap_to,
       coalesce(gap_to, now() AT TIME ZONE 'UTC') - gap_from AS gap,
       coalesce(
           -- The first event in the gap explains it: the battery was lost, the collector stopped,
           -- or it started again without having stopped, so it was killed (unless it was the very
           -- first start).
           (SELECT CASE event WHEN 'battery_lost' THEN 'battery lost'
                              WHEN 'collector_stopped' THEN 'collector stopped'
                              ELSE 'collector killed' END
            FROM battery_pack_events AS told
            WHERE told.mcu_id = spans.mcu_id
              AND (event IN ('battery_lost', 'collector_stopped')
                   AND event_time_utc >= gap_from
                   AND event_time_utc < coalesce(gap_to, 'infinity')
                   OR event = 'collector_started' AND expected.by_collector
                   AND event_time_utc > gap_from
                   AND event_time_utc <= coalesce(gap_to, 'infinity'))
            ORDER BY event_time_utc, event = 'collector_started'
            LIMIT 1),
           'unexplained'
       ) AS cause
FROM spans
CROSS JOIN LATERAL (
    SELECT coalesce(max(interval_s), 10) * interval '1 second' AS length,
           count(*) > 0 AS by_collector
    FROM (SELECT interval_s
          FROM battery_pack_events AS told
          WHERE told.mcu_id = spans.mcu_id AND event_time_utc <= gap_from
          ORDER BY event_time_utc DESC
          LIMIT 1) AS latest
) AS expected
WHERE coalesce(gap_to, now() AT TIME ZONE 'UTC') - gap_from > 1.5 * expected.length;
