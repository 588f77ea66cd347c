-- Messages that can never be stored, as they came. A person can look at them and try again to store
-- them (bluenova-recorder redrive). None is deleted to make room: if the table is full, a rejected
-- message gets no receipt.
CREATE TABLE IF NOT EXISTS battery_pack_rejected (
    rejected_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    topic       TEXT NOT NULL,
    payload     BYTEA NOT NULL,
    reason      TEXT NOT NULL
);

-- A message that is sent again because its receipt was lost is kept once.
CREATE UNIQUE INDEX IF NOT EXISTS battery_pack_rejected_once
    ON battery_pack_rejected (topic, md5(payload));
