-- What the collectors know about missing rows. interval_s is the collector's interval at that time.
CREATE TABLE IF NOT EXISTS battery_pack_events (
    event_time_utc TIMESTAMP NOT NULL,
    mcu_id         BIGINT NOT NULL,
    event          VARCHAR(32) NOT NULL,
    interval_s     INTEGER NOT NULL
);

CREATE UNIQUE INDEX IF NOT EXISTS battery_pack_events_key
    ON battery_pack_events (mcu_id, event_time_utc, event);
