"""The simulated pack keeps to the laws of its chemistry, whatever happens to it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluenova_tools.simulator.battery import Pack, PackSettings
from bluenova_tools.simulator.cells import Cell, open_circuit_v
from bluenova_tools.simulator.console import round_of_lines

packs = st.builds(
    PackSettings,
    cells=st.sampled_from([8, 16]),
    capacity_ah=st.floats(20, 300),
    start_soc=st.floats(0, 1),
    start_hour=st.floats(0, 24),
    winter=st.booleans(),
    seed=st.integers(0, 1000),
)
steps_s = st.lists(st.floats(0, 5000), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(packs, steps_s)
def test_all_values_stay_within_what_the_chemistry_allows(
    pack_settings: PackSettings, steps: list[float]
) -> None:
    pack = Pack(pack_settings)
    for dt_s in steps:
        pack.advance(dt_s)
        now = pack.readings
        assert len(now.cell_mv) == pack_settings.cells
        assert all(2500 <= mv <= 3650 for mv in now.cell_mv)
        assert abs(now.pack_mv - sum(now.cell_mv)) <= 5
        assert abs(now.current_a) <= pack_settings.capacity_ah + 0.1
        assert 0 <= now.soc_percent <= 100
        assert 0 <= pack.soc <= 1
        assert 60 <= now.soh_percent <= 100
        assert all(-30 <= t_c <= 60 for t_c in now.cell_t_c)


@settings(max_examples=30, deadline=None)
@given(packs, steps_s)
def test_energy_totals_only_rise(pack_settings: PackSettings, steps: list[float]) -> None:
    pack = Pack(pack_settings)
    for dt_s in steps:
        before = pack.energy_in_kwh, pack.energy_out_kwh
        pack.advance(dt_s)
        assert pack.energy_in_kwh >= before[0]
        assert pack.energy_out_kwh >= before[1]


def test_a_fuller_cell_never_has_a_lower_voltage() -> None:
    volts = [open_circuit_v(thousandths / 1000) for thousandths in range(-100, 1101)]
    assert volts == sorted(volts)
    assert (volts[0], volts[-1]) == (2.6, 3.6)


def test_a_cell_gains_what_flows_into_it() -> None:
    cell = Cell(capacity_ah=100, resistance_ohm=0.002, leak_a=0, charge_ah=50, temp_c=25)
    cell.advance(3600, 10, ambient_c=25)
    assert cell.charge_ah == pytest.approx(60)


def test_the_state_of_charge_integrates_the_current() -> None:
    pack = Pack(PackSettings(start_soc=0.5, start_hour=22))
    counted_ah = pack.charge_ah
    for _ in range(360):
        pack.advance(10)
        counted_ah += pack.current_a * 10 / 3600
    assert pack.current_a < 0
    assert pack.charge_ah == pytest.approx(counted_ah, abs=0.01)


def test_a_sunny_day_charges_and_the_evening_discharges() -> None:
    pack = Pack(PackSettings(start_soc=0.3, start_hour=9))
    pack.advance(2 * 3600)
    assert pack.system_state == "CHARGE"
    assert pack.soc > 0.35
    pack = Pack(PackSettings(start_soc=0.8, start_hour=19.5))
    pack.advance(2 * 3600)
    assert pack.system_state == "DISCHARGE"
    assert pack.soc < 0.75


def test_within_some_days_the_weak_cell_drifts_away() -> None:
    pack = Pack(PackSettings(start_soc=0.5))
    weak = 10

    def behind() -> float:
        others = [cell.soc for index, cell in enumerate(pack.cells) if index != weak]
        return sum(others) / len(others) - pack.cells[weak].soc

    at_first = behind()
    for _ in range(3 * 24):
        pack.advance(3600)
    assert behind() > at_first + 0.01


def test_in_winter_it_freezes_and_is_not_charged() -> None:
    pack = Pack(PackSettings(winter=True, start_hour=2))
    pack.advance(3 * 3600)
    assert pack.error_text == "", "nothing would charge it at night"
    pack.advance(3 * 3600)
    assert min(pack.readings.cell_t_c) < 0
    assert pack.current_a <= 0
    assert pack.error_text == "LOW TEMP"


def test_an_empty_pack_gives_nothing_until_the_sun_has_charged_it() -> None:
    pack = Pack(PackSettings(start_soc=0.04, start_hour=22))
    pack.advance(3600)
    assert abs(pack.current_a) < 0.1
    pack.advance(12 * 3600)
    assert pack.soc > 0.1
    pack.advance(11 * 3600)
    assert pack.current_a < -1


def test_an_open_breaker_lets_nothing_through() -> None:
    pack = Pack(PackSettings())
    pack.breaker_closed = False
    pack.advance(600)
    assert pack.current_a == 0


def test_the_same_seed_tells_the_same_story() -> None:
    def story(seed: int) -> list[str]:
        pack = Pack(PackSettings(seed=seed))
        pack.advance(1000)
        return [line.text for line in round_of_lines(pack, 1)]

    assert story(7) == story(7)
    assert story(7) != story(8)
