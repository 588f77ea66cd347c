"""A believable LiFePO4 pack that charges by day and is used at night.

Pure: no clock, no sockets. The caller says how much time has passed; chance comes from
a seed, so that the same seed tells the same story.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from random import Random

from bluenova_tools.simulator import console
from bluenova_tools.simulator.cells import Cell
from bluenova_tools.simulator.household import Household, ambient_c

# Longer steps would jump over the knees of the voltage curve.
LONGEST_STEP_S = 30.0
CHARGE_EFFICIENCY = 0.995
FULL_BELOW_A = 2.0
# What the electronics themselves draw keeps the current from being a flat 0.
IDLE_A = -0.04


@dataclass(frozen=True)
class PackSettings:
    """What makes one pack different from another."""

    mcu_id: int = 0x1A2B3C4D
    cells: int = 16
    capacity_ah: float = 100.0
    start_soc: float = 0.55
    start_hour: float = 11.0
    n_units: int = 1
    unit_rank: int = 0
    winter: bool = False
    seed: int = 1


@dataclass(frozen=True)
class Readings:
    """What the pack's electronics have measured, in the console's own units."""

    cell_mv: tuple[int, ...]
    cell_t_c: tuple[int, ...]
    pack_mv: int
    current_a: float
    temp_c: int
    soc_percent: int
    soh_percent: float
    pack_adc_mv: int
    adc_raw: tuple[int, ...]
    adc_mv: tuple[float, ...]


class Pack:
    """A pack of cells in series with its battery management.

    ``error`` (a text) and ``breaker_closed`` may be set from outside; everything else
    follows from the passing of time.
    """

    def __init__(self, settings: PackSettings) -> None:
        self.settings = settings
        self.random = Random(settings.seed)
        scale = settings.cells * settings.capacity_ah / 1600
        self._household = Household(self.random, peak_sun_w=2600 * scale, base_load_w=300 * scale)
        self.cells = [self._make_cell(number) for number in range(settings.cells)]
        self.time_s = settings.start_hour * 3600
        self.current_a = IDLE_A
        self.charge_ah = settings.start_soc * settings.capacity_ah
        self.energy_in_kwh = round(self.random.uniform(900, 1500), 3)
        self.energy_out_kwh = round(self.energy_in_kwh * 0.94, 3)
        self.error = ""
        self.breaker_closed = True
        self.rounds = count(1)
        self._throughput_ah = 0.0
        self._full = False
        self._empty = False
        self._too_cold = False
        self.readings = self._measure()

    def _make_cell(self, number: int) -> Cell:
        settings, random = self.settings, self.random
        # The weak cell has lost some capacity, gets warmer and drains by itself.
        weak = number == settings.cells * 5 // 8
        capacity_ah = settings.capacity_ah * (0.95 if weak else random.uniform(0.99, 1.01))
        middle = 1 - abs(2 * number / max(settings.cells - 1, 1) - 1)
        return Cell(
            capacity_ah=capacity_ah,
            # A larger cell is much like several smaller ones side by side.
            resistance_ohm=(0.34 if weak else random.uniform(0.18, 0.23)) / settings.capacity_ah,
            leak_a=0.06 if weak else random.uniform(0.001, 0.006),
            charge_ah=min(settings.start_soc + random.uniform(-0.004, 0.004), 1) * capacity_ah,
            temp_c=ambient_c(settings.start_hour * 3600, winter=settings.winter) + 2 * middle,
            warmer_by_c=2 * middle,
        )

    @property
    def soc(self) -> float:
        """State of charge as the battery management counts it, 0 to 1."""
        return self.charge_ah / self.settings.capacity_ah

    @property
    def soh_percent(self) -> float:
        """Health: it starts near 99.4 % and wears by about 20 % in 4000 full cycles."""
        worn = self._throughput_ah / (2 * self.settings.capacity_ah) * 20 / 4000
        return max(99.4 - worn, 60.0)

    @property
    def system_state(self) -> str:
        """CHARGE, DISCHARGE or IDLE, by the current."""
        if self.current_a > 0.2:
            return "CHARGE"
        return "DISCHARGE" if self.current_a < -0.2 else "IDLE"

    @property
    def charge_state(self) -> str:
        """The charger's view with its number, as in ``CHARGING (1)``."""
        if self._full and self.system_state != "DISCHARGE":
            return "FULL (3)"
        names = {"CHARGE": "CHARGING (1)", "DISCHARGE": "DISCHARGING (2)", "IDLE": "IDLE (0)"}
        return names[self.system_state]

    @property
    def error_text(self) -> str:
        """The error set from outside, or what the cold forbids."""
        return self.error or ("LOW TEMP" if self._too_cold else "")

    def advance(self, dt_s: float) -> None:
        """Let time pass, then measure."""
        while dt_s > 0:
            step_s = min(dt_s, LONGEST_STEP_S)
            self._step(step_s)
            dt_s -= step_s
        self.readings = self._measure()

    def console_lines(self) -> Iterator[console.ConsoleLine]:
        """Yield what the console prints in one round, chatter included."""
        return console.round_of_lines(self, next(self.rounds))

    def _step(self, dt_s: float) -> None:
        self.time_s += dt_s
        around_c = ambient_c(self.time_s, winter=self.settings.winter)
        surplus_w = self._household.surplus_w(self.time_s, dt_s)
        self.current_a = self._allowed_a(surplus_w / self._volts())
        for cell in self.cells:
            cell.advance(dt_s, self.current_a, around_c)
        moved_ah = self.current_a * dt_s / 3600
        self.charge_ah += moved_ah * (CHARGE_EFFICIENCY if moved_ah > 0 else 1)
        self.charge_ah = min(max(self.charge_ah, 0.0), self.settings.capacity_ah)
        self._throughput_ah += abs(moved_ah)
        self._count_energy(dt_s)
        self._judge()
        # The step moved the cells along their curve: what flows now must suit them.
        self.current_a = self._within_cell_limits(self.current_a)

    def _allowed_a(self, wanted_a: float) -> float:
        """Return what the battery management lets through of a wanted current."""
        self._too_cold = wanted_a > 0 and min(cell.temp_c for cell in self.cells) < 0
        if not self.breaker_closed:
            return 0.0
        if wanted_a > 0 and (self._full or self._too_cold):
            return IDLE_A
        if wanted_a < 0 and self._empty:
            return IDLE_A
        rated_a = self.settings.capacity_ah
        return self._within_cell_limits(min(max(wanted_a, -rated_a), rated_a))

    def _within_cell_limits(self, current_a: float) -> float:
        highest_a = min(cell.highest_current_a() for cell in self.cells)
        lowest_a = max(cell.lowest_current_a() for cell in self.cells)
        return min(max(current_a, lowest_a), highest_a)

    def _volts(self) -> float:
        return sum(cell.voltage_v(self.current_a) for cell in self.cells)

    def _count_energy(self, dt_s: float) -> None:
        kwh = self._volts() * self.current_a * dt_s / 3.6e6
        if kwh > 0:
            self.energy_in_kwh += kwh
        else:
            self.energy_out_kwh -= kwh

    def _judge(self) -> None:
        """Notice a full and an empty pack, each with some distance before it ends."""
        lowest_v = min(cell.voltage_v(self.current_a) for cell in self.cells)
        highest_v = max(cell.voltage_v(self.current_a) for cell in self.cells)
        if highest_v > 3.55 and 0 < self.current_a < FULL_BELOW_A:
            self._full = True
            self.charge_ah = self.settings.capacity_ah
        elif self.soc < 0.97:
            self._full = False
        if self.soc < 0.05 or lowest_v < 2.85:
            self._empty = True
        elif self.soc > 0.10 and lowest_v > 3.0:
            self._empty = False

    def _measure(self) -> Readings:
        random = self.random
        cell_mv = tuple(
            round(1000 * cell.voltage_v(self.current_a) + random.uniform(-1.5, 1.5))
            for cell in self.cells
        )
        cell_t_c = tuple(round(cell.temp_c + random.uniform(-0.3, 0.3)) for cell in self.cells)
        pack_mv = sum(cell_mv) + random.randint(-5, 5)
        noisy_a = self.current_a + random.uniform(-0.03, 0.03)
        adc_mv = tuple(round(random.gauss(mean, 4), 3) for mean in (610, 1064, 2735, 1612, 2385))
        return Readings(
            cell_mv=cell_mv,
            cell_t_c=cell_t_c,
            pack_mv=pack_mv,
            # Adding 0 turns -0.0 into 0.0.
            current_a=round(noisy_a, 2) + 0.0,
            temp_c=max(cell_t_c),
            soc_percent=round(100 * self.soc),
            soh_percent=round(self.soh_percent, 2),
            pack_adc_mv=pack_mv + random.randint(60, 140),
            adc_raw=tuple(round(mv * 4095 / 3300) for mv in adc_mv),
            adc_mv=adc_mv,
        )
