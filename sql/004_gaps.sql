-- The times without rows, per battery, and why: after gap_from there was no row until gap_to (null
-- if there is none yet). A gap is longer than one and a half of the collector's intervals at that
-- time. Rows from before the first collector are the C program's, with an interval of 10 s. Whether
-- the table's times have a zone or not, seconds since 1970 mean UTC, whoever reads them and wherever.
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
       utc.gap_end - utc.gap_start AS gap,
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
                   AND event_time_utc >= utc.gap_start
                   AND (event_time_utc < utc.gap_end OR gap_to IS NULL)
                   OR event = 'collector_started' AND expected.by_collector
                   AND event_time_utc > utc.gap_start
                   AND (event_time_utc <= utc.gap_end OR gap_to IS NULL))
            ORDER BY event_time_utc, event = 'collector_started'
            LIMIT 1),
           'unexplained'
       ) AS cause
FROM spans
CROSS JOIN LATERAL (
    SELECT TIMESTAMP 'epoch' + extract(epoch FROM gap_from)::float8 * INTERVAL '1 s' AS gap_start,
           TIMESTAMP 'epoch' + extract(epoch FROM gap_to)::float8 * INTERVAL '1 s' AS known_end
) AS known
CROSS JOIN LATERAL (
    SELECT gap_start, coalesce(known_end, now() AT TIME ZONE 'UTC') AS gap_end
) AS utc
CROSS JOIN LATERAL (
    SELECT coalesce(max(interval_s), 10) * interval '1 second' AS length,
           count(*) > 0 AS by_collector
    FROM (SELECT interval_s
          FROM battery_pack_events AS told
          WHERE told.mcu_id = spans.mcu_id AND event_time_utc <= utc.gap_start
          ORDER BY event_time_utc DESC
          LIMIT 1) AS latest
) AS expected
WHERE utc.gap_end - utc.gap_start > 1.5 * expected.length;
