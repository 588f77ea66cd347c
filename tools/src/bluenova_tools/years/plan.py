"""What happened to each battery, ten minutes at a time: the plan that the rows are made from.

It is made by a few statements over sets. All chance comes from a hash of the seed and of what it is
for, so that the same seed tells the same story, in whatever order it is told.
"""

from dataclasses import dataclass
from datetime import date

from bluenova_tools.simulator.cells import open_circuit_v

INTERVAL_S = 10
SLOT_S = 600  # what is planned at once: within a slot the current stays the same
SLOTS = 86400 // SLOT_S
CELLS = 16

# Slots of the day: discharge until six, then charge; the evening's discharge begins at five.
_CHARGE, _EVENING = 36, 102


def _resting_v(soc: float) -> float:
    # A cell that has rested for a while does not stand above this, however full it is.
    return min(open_circuit_v(soc), 3.4)


@dataclass(frozen=True)
class Size:
    """How many batteries and days, from which day (UTC) on, and the seed of all chance."""

    batteries: int = 2
    days: int = 20
    first_day: date = date(2025, 1, 1)
    seed: int = 1
    gaps_a_day: float = 1
    weak_cell: int = 5
    drifted_days: int = 0  # for how long the weak cell has drifted before the first day


def chance(key: str, purpose: int, size: Size) -> str:
    """A number from 0 to 1 that follows from the key (a bigint) alone, for one purpose."""
    salt = size.seed * 1000 + purpose
    return f"((hashint8extended({key}, {salt}) & 65535) / 65536::float8)"


def plan(size: Size) -> list[str]:
    """The statements that make the plan, in the schema `years`."""
    return [
        "DROP SCHEMA IF EXISTS years CASCADE",
        "CREATE SCHEMA years",
        _VOLTS,
        _batteries(size),
        _days(size),
        _gaps(size),
        _SLOT_GAPS,
        _slots(size),
        "CREATE INDEX ON years.slots (day)",
        "ANALYZE years.slots",
    ]


def events() -> str:
    """The statement that inserts the events, which explain most of the gaps."""
    return """
INSERT INTO battery_pack_events (event_time_utc, mcu_id, event, interval_s)
SELECT began - INTERVAL '5 s', mcu_id, 'collector_started', 10 FROM years.batteries
UNION ALL
SELECT told.at, mcu_id, told.event, 10
FROM years.gaps CROSS JOIN LATERAL (VALUES
    ('lost', 'battery_lost', gap_from + INTERVAL '12 s'), ('lost', 'battery_back', gap_to),
    ('stopped', 'collector_stopped', gap_from + INTERVAL '5 s'),
    ('stopped', 'collector_started', gap_to - INTERVAL '4 s'),
    ('killed', 'collector_started', gap_to - INTERVAL '4 s')
) AS told (kind, event, at)
WHERE told.kind = gaps.kind
ON CONFLICT DO NOTHING"""


# The simulator's curve, looked up in steps of a thousandth: a function without a subquery is
# inlined, and 25 million calls of it take seconds instead of minutes.
_VOLTS = f"""
CREATE FUNCTION years.volts(soc float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT ('{{{",".join(f"{_resting_v(n / 1000):.4f}" for n in range(1001))}}}'::float8[])
        [1 + round(1000 * least(greatest(soc, 0), 1))::int]
$$"""


def _batteries(size: Size) -> str:
    return f"""
CREATE TABLE years.batteries AS
SELECT n, {0x1A2B3C01} + n::bigint AS mcu_id, TIMESTAMP '{size.first_day}' AS began,
       CASE WHEN n % 5 = 1 THEN 8 ELSE {CELLS} END AS cells,
       (ARRAY[200, 100, 280, 150, 200])[n % 5 + 1] AS capacity_ah,
       -- Its totals start again from 0 on one day.
       floor({chance("n", 1, size)} * {size.days})::int AS reset_day
FROM generate_series(0, {size.batteries - 1}) AS n"""


def _days(size: Size) -> str:
    """Each day's charge: in the morning, after the night, at the top, and at the day's end."""
    key = "(n * 100000 + d)::bigint"
    return f"""
CREATE TABLE years.days AS
SELECT n, d, deep, full_day, evening,
       CASE WHEN d = 0 THEN 0.6 ELSE lag(evening) OVER (PARTITION BY n ORDER BY d) END AS morning,
       CASE WHEN full_day THEN 1 ELSE 0.82 + 0.13 * {chance(key, 2, size)} END AS top,
       0.06 + 0.06 * {chance(key, 3, size)} AS by_night,
       36 + floor(18 * {chance(key, 4, size)})::int AS charging
FROM (SELECT n, d, deep, deep OR {chance(key, 5, size)} < 0.6 AS full_day,
             CASE WHEN deep THEN 0.005 ELSE 0.3 + 0.45 * {chance(key, 6, size)} END AS evening
      FROM years.batteries, generate_series(0, {size.days - 1}) AS d,
           LATERAL (SELECT {chance(key, 7, size)} < 0.04 AS deep) AS depth) AS end_of_day"""


def _gaps(size: Size) -> str:
    """About one gap a day: most last a minute or two, some hours, and a few for days."""
    key = "(n * 10000000 + slot)::bigint"
    last = f"(SELECT began + {size.days} * INTERVAL '1 day' FROM years.batteries LIMIT 1)"
    return f"""
CREATE TABLE years.gaps AS
SELECT n, mcu_id, kind, gap_from,
       least(gap_from + INTERVAL '10 s' * ceil(length_s / 10), {last} - INTERVAL '10 s') AS gap_to
FROM (SELECT n, mcu_id,
             began + INTERVAL '1 s' * ({SLOT_S} * slot + 10 * floor(60 * {chance(key, 8, size)}))
                 AS gap_from,
             (ARRAY['lost', 'stopped', 'killed', 'unexplained'])
                 [1 + floor(4 * {chance(key, 9, size)})::int] AS kind,
             CASE WHEN long < 0.7 THEN 20 + 200 * long WHEN long < 0.97 THEN 40000 * (long - 0.69)
                  ELSE 3000000 * (long - 0.968) END AS length_s
      FROM years.batteries, generate_series(0, {size.days * SLOTS - 1}) AS slot,
           LATERAL (SELECT {chance(key, 10, size)} AS long) AS length
      WHERE {chance(key, 11, size)} < {size.gaps_a_day / SLOTS}) AS chosen"""


_SLOT_GAPS = f"""
CREATE TABLE years.slot_gaps AS
SELECT n, number / {SLOTS} AS d, number % {SLOTS} AS slot,
       array_agg(gap_from) AS gaps_from, array_agg(gap_to) AS gaps_to
FROM years.gaps JOIN years.batteries USING (n)
CROSS JOIN LATERAL generate_series(
    floor(extract(epoch FROM gap_from - began) / {SLOT_S})::int,
    floor(extract(epoch FROM gap_to - began) / {SLOT_S})::int) AS number
GROUP BY n, number"""


def _slots(size: Size) -> str:
    """The slots: current, cells' voltages at both ends, totals, texts, gaps and glitches."""
    key = "(n * 10000000 + d * 1000 + slot)::bigint"
    luck = chance(key, 12, size)
    off = f"({chance('(n * 100 + k)::bigint', 13, size)} - 0.5) * 0.006"
    drift = (
        f"CASE WHEN k = {size.weak_cell} THEN 0.0004 * ((d + {size.drifted_days}) % 60) ELSE 0 END"
    )
    soc = f"{off} - {drift}"
    ohm = f"""CASE WHEN k = {size.weak_cell} THEN 0.34 ELSE 0.18
              + 0.05 * {chance("(n * 100 + k)::bigint", 14, size)} END / capacity_ah"""
    return f"""
CREATE TABLE years.slots AS
WITH phases AS (
    SELECT n, mcu_id, cells, capacity_ah, reset_day, d, slot, deep, full_day, charging,
           CASE WHEN slot < {_CHARGE} THEN 1 WHEN slot < {_CHARGE} + charging THEN 2
                WHEN slot < {_EVENING} THEN 3 ELSE 4 END AS phase,
           {_CHARGE} + charging - slot AS until_top, {SLOTS} - slot AS until_end,
           morning, CASE WHEN morning < 0.15 THEN morning ELSE morning - by_night END AS dawn,
           top, evening, {luck} AS luck, began
    FROM years.batteries JOIN years.days USING (n), generate_series(0, {SLOTS - 1}) AS slot
), weighed AS (
    SELECT *,
           (ARRAY[morning, dawn, top, top])[phase] AS phase_from,
           (ARRAY[dawn, top, top, evening])[phase] AS phase_to,
           CASE phase WHEN 1 THEN CASE WHEN luck < 0.04 THEN 5 ELSE 0.6 + 0.8 * luck END
                      WHEN 2 THEN CASE WHEN full_day AND until_top <= 4
                                       THEN (ARRAY[0.03, 0.1, 0.25, 0.5])[until_top]
                                       WHEN luck < 0.08 THEN 0.1 ELSE 0.7 + 0.6 * luck END
                      WHEN 3 THEN 0
                      ELSE CASE WHEN deep AND until_end <= 3 THEN 0.15 WHEN luck < 0.12 THEN 0
                                WHEN luck > 0.9 THEN 6 * luck ELSE 0.5 + luck END END AS weight
    FROM phases
), charged AS (
    SELECT *,
           phase_from + (phase_to - phase_from) * (upto - weight) / all_of_it AS soc_0,
           phase_from + (phase_to - phase_from) * upto / all_of_it AS soc_1
    FROM (SELECT *, sum(weight) OVER (PARTITION BY n, d, phase ORDER BY slot) AS upto,
                 greatest(sum(weight) OVER (PARTITION BY n, d, phase), 0.01) AS all_of_it
          FROM weighed) AS summed
), moved AS (
    SELECT *, (soc_1 - soc_0) * capacity_ah * {3600 / SLOT_S} - 0.04 AS amps,
           -- While it is charged to the top, and for half an hour after that, cells stand higher.
           CASE WHEN full_day AND until_top BETWEEN -2 AND 4
                THEN (ARRAY[.02, .04, .12, .1, .07, .03, 0])[until_top + 3] ELSE 0 END AS over_0,
           CASE WHEN full_day AND until_top BETWEEN -2 AND 4
                THEN (ARRAY[0, .02, .04, .12, .1, .07, .03])[until_top + 3] ELSE 0 END AS over_1
    FROM charged
), counted AS (
    SELECT *,
           sum(greatest(kwh, 0)) OVER told AS in_kwh, sum(greatest(-kwh, 0)) OVER told AS out_kwh
    FROM (SELECT *, amps * cells * (years.volts((soc_0 + soc_1) / 2) + amps * 0.2 / capacity_ah)
                    * {SLOT_S} / 3.6e6 AS kwh
          FROM moved) AS worked
    WINDOW told AS (PARTITION BY n, d >= reset_day ORDER BY d, slot)
)
SELECT n, mcu_id, cells, d AS day, {key} AS key,
       began + d * INTERVAL '1 day' + slot * INTERVAL '{SLOT_S} s' AS slot_start,
       amps, (soc_0 * 100)::float8 AS soc_0, ((soc_1 - soc_0) * 100 / 60)::float8 AS soc_step,
       ARRAY(SELECT (years.volts(soc_0 + {soc}) + over_0)::float8
             FROM generate_series(1, cells) AS k) AS volts_0,
       ARRAY(SELECT ((years.volts(soc_1 + {soc}) + over_1
                      - years.volts(soc_0 + {soc}) - over_0) / 60)::float8
             FROM generate_series(1, cells) AS k) AS volts_step,
       ARRAY(SELECT ({ohm})::float8 FROM generate_series(1, cells) AS k) AS ohms,
       ARRAY(SELECT round(18 + 6 * sin((slot - 54) / 23.0) - 8 * cos(d / 58.0)
                          + 2 - abs(k - cells / 2.0) / 4 + abs(amps) / capacity_ah * 6)::smallint
             FROM generate_series(1, cells) AS k) AS temps,
       (99.4 - d * 0.005)::real AS health,
       (CASE WHEN d < reset_day THEN 1000 + 100 * n ELSE 0 END + in_kwh)::real AS energy_in,
       (CASE WHEN d < reset_day THEN 940 + 100 * n ELSE 0 END + out_kwh)::real AS energy_out,
       CASE WHEN {chance(key, 15, size)} < 0.0005 THEN 'OVER TEMP'
            WHEN deep AND until_end <= 1 THEN 'CELL LOW V' ELSE '' END AS errors,
       CASE WHEN amps > 0.2 THEN 'CHARGE' WHEN amps < -0.2 THEN 'DISCHARGE' ELSE 'IDLE' END
           AS system_state,
       CASE WHEN phase = 3 AND {chance(key, 16, size)} < 0.001 THEN 'OPEN' ELSE 'CLOSED' END
           AS breaker,
       CASE WHEN phase = 3 AND full_day THEN 'FULL' WHEN amps > 0.2 THEN 'CHARGING'
            WHEN amps < -0.2 THEN 'DISCHARGING' ELSE 'IDLE' END AS charge_state,
       CASE WHEN {chance(key, 17, size)} < 0.001
            THEN floor(60 * {chance(key, 18, size)}) END AS glitch_at,
       gaps_from, gaps_to
FROM counted LEFT JOIN years.slot_gaps USING (n, d, slot)"""
