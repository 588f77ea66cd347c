-- Messages that can never be stored, as they came, for a person to look at and to drive in again
-- (bluenova-recorder redrive). Never evicted: when it is full, what is rejected gets no receipt.
CREATE TABLE IF NOT EXISTS battery_pack_rejected (
    rejected_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    topic       TEXT NOT NULL,
    payload     BYTEA NOT NULL,
    reason      TEXT NOT NULL
);

-- What is sent again because a receipt was lost is kept once.
CREATE UNIQUE INDEX IF NOT EXISTS battery_pack_rejected_once
    ON battery_pack_rejected (topic, md5(payload));
