-- What the questions about gaps, energy, changes and health need of an hour, and what
-- battery_pack_hours does not hold: one row for each row there, made from the rows of battery_pack
-- by battery_pack_hour_facts_from_rows. Triggers of battery_pack_hours keep it right. Each hour is
-- looked at by itself: what needs rows before an hour begins with the hour.
CREATE TABLE IF NOT EXISTS battery_pack_hour_facts (
    mcu_id        BIGINT NOT NULL,
    hour_utc      TIMESTAMP NOT NULL,
    -- Energy by power over time, in kWh, and by the battery's own totals, in their unit. The
    -- totals' glitches are left out, also in the first and the last one known.
    in_kwh        FLOAT8,
    out_kwh       FLOAT8,
    told_in       FLOAT8,
    told_out      FLOAT8,
    told_in_first FLOAT8,
    told_in_last  FLOAT8,
    told_out_first FLOAT8,
    told_out_last FLOAT8,
    -- The same for each quarter of the hour, for zones that are not whole hours from UTC.
    quarters_in_kwh   FLOAT8[],
    quarters_out_kwh  FLOAT8[],
    quarters_told_in  FLOAT8[],
    quarters_told_out FLOAT8[],
    -- Rows of the hour that are too far from the next one in it, and that next one.
    gaps_from     TIMESTAMP[],
    gaps_to       TIMESTAMP[],
    -- What the texts said, and the first and last row of each stretch in which one said the same.
    state_names   TEXT[],
    state_values  TEXT[],
    states_from   TIMESTAMP[],
    states_to     TIMESTAMP[],
    -- The last row at which the battery was full, and what was drawn from it in the hour after.
    full_time     TIMESTAMP,
    full_out_ah   FLOAT8,
    -- The first row at which it was empty, and what was drawn from it in the hour before.
    empty_time    TIMESTAMP,
    empty_out_ah  FLOAT8,
    -- Spread in mV: at the top, at rest, and under load.
    top_rows      INTEGER NOT NULL,
    top_sum       FLOAT8,
    top_max       REAL,
    rest_rows     INTEGER NOT NULL,
    rest_sum      FLOAT8,
    rest_max      REAL,
    load_rows     INTEGER NOT NULL,
    load_sum      FLOAT8,
    load_max      REAL,
    -- Steps of the current: when, by how much, the median cell's resistance, and each cell's
    -- voltage step as a multiple of the median cell's, 16 for each step.
    step_times    TIMESTAMP[],
    step_amps     REAL[],
    step_mohm     REAL[],
    step_ratios   REAL[],
    PRIMARY KEY (mcu_id, hour_utc)
);

CREATE INDEX IF NOT EXISTS battery_pack_hour_facts_gaps
    ON battery_pack_hour_facts (mcu_id, hour_utc) WHERE gaps_from IS NOT NULL;
CREATE INDEX IF NOT EXISTS battery_pack_hour_facts_full
    ON battery_pack_hour_facts (mcu_id, hour_utc) WHERE full_time IS NOT NULL;
CREATE INDEX IF NOT EXISTS battery_pack_hour_facts_empty
    ON battery_pack_hour_facts (mcu_id, hour_utc) WHERE empty_time IS NOT NULL;
CREATE INDEX IF NOT EXISTS battery_pack_hour_facts_steps
    ON battery_pack_hour_facts (mcu_id, hour_utc) WHERE step_times IS NOT NULL;
