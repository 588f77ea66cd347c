"""The rows of one day of all batteries, from the plan: one statement, and no row in Python."""

from bluenova_tools.years.plan import CELLS, INTERVAL_S, SLOT_S, Size

_NUMBERS = range(1, CELLS + 1)
_ROWS = SLOT_S // INTERVAL_S


def rows_of_a_day(size: Size) -> str:
    """The statement that inserts a day's rows, its number being the parameter `day`.

    Batteries take turns, as they do if they are recorded live. Cells flicker by two millivolts, and
    the current by a tenth of an ampere. Now and then a value is missing.
    """
    each = ", ".join
    volts = each(f"v{k}" for k in _NUMBERS)
    names = each([f"cell_{k:02d}_v" for k in _NUMBERS] + [f"cell_{k:02d}_t" for k in _NUMBERS])
    pack = " + ".join(f"coalesce(v{k}, 0)" for k in _NUMBERS)
    temps = each(f"temps[{k}]" for k in _NUMBERS)
    return f"""
INSERT INTO battery_pack (
    insert_time_utc, mcu_id, n_units, unit_rank, cell_count, {names},
    v_pack, i_pack, temp, v_cell_min, v_cell_max, soc, health, errors, system_state, breaker,
    charge_state, energy_in, energy_out, adc_vp, adc_0, adc_1, adc_2, adc_3, adc_4,
    bad_crc, parse_fail, bad_vcell)
SELECT at, mcu_id, 1, 0, cells, {volts}, {temps},
       CASE WHEN luck & 4095 > 0 THEN pack_v END,
       CASE WHEN luck >> 12 & 4095 > 0 THEN amps_now END,
       temps[1 + cells / 2], least({volts}), greatest({volts}), percent, health,
       errors, system_state, breaker, charge_state,
       CASE WHEN j IS DISTINCT FROM glitch_at THEN energy_in
            WHEN luck & 1 = 0 THEN 0 ELSE energy_in + 5000 END,
       CASE WHEN j IS DISTINCT FROM glitch_at THEN energy_out ELSE 0 END,
       pack_v + 0.1, 0.61, 1.064, 2.735, 1.612, 2.385,
       CASE WHEN luck >> 24 & 1023 = 0 THEN 1 ELSE 0 END, 0, 0
FROM (SELECT *, round(({pack}) * 1000) / 1000 AS pack_v
      FROM (SELECT *, {each(_volt(k) for k in _NUMBERS)}
            FROM (SELECT slots.*, j, slot_start + j * INTERVAL '{INTERVAL_S} s' AS at,
                         round((soc_0 + j * soc_step)::numeric)::smallint AS percent,
                         round((amps + (luck >> 36 & 15) * 0.02 - 0.15)::numeric, 2)::float8
                             AS amps_now, flicker, luck
                  FROM years.slots CROSS JOIN generate_series(0, {_ROWS - 1}) AS j
                  CROSS JOIN LATERAL (
                      SELECT hashint8extended(key * 64 + j, {size.seed}) AS flicker,
                             hashint8extended(key * 64 + j, {size.seed} + 1) & 9007199254740991
                                 AS luck
                      OFFSET 0
                  ) AS noise
                  WHERE day = %(day)s
                  OFFSET 0) AS timed
            OFFSET 0) AS measured
      OFFSET 0) AS packed
WHERE gaps_from IS NULL
   OR NOT EXISTS (SELECT FROM unnest(gaps_from, gaps_to) AS gap (began, ended)
                  WHERE at > began AND at < ended)
ORDER BY at, mcu_id"""


def _volt(k: int) -> str:
    flicker = f"(flicker >> {4 * (k - 1)} & 15) * 0.0002 - 0.0015"
    at_terminals = f"volts_0[{k}] + j * volts_step[{k}] + amps_now * ohms[{k}] + {flicker}"
    return f"round(({at_terminals}) * 1000) / 1000 AS v{k}"
