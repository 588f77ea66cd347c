"""One LiFePO4 cell: voltage curve, resistance, charge and temperature.

Pure: no clock, no sockets, no randomness. Currents are positive while charging.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass

# Typical open-circuit voltages of a LiFePO4 cell at 25 °C: a long plateau around
# 3.3 V between two steep knees. (state of charge, volts)
OPEN_CIRCUIT_V = (
    (0.00, 2.60), (0.02, 2.90), (0.05, 3.05), (0.10, 3.18), (0.15, 3.215), (0.20, 3.235),
    (0.30, 3.265), (0.40, 3.283), (0.50, 3.291), (0.60, 3.297), (0.70, 3.318), (0.80, 3.328),
    (0.90, 3.333), (0.95, 3.345), (0.98, 3.39), (0.99, 3.45), (1.00, 3.60),
)  # fmt: skip
_SOC_POINTS = [soc for soc, _ in OPEN_CIRCUIT_V]

LOWEST_V = 2.60
HIGHEST_V = 3.60
BALANCE_ABOVE_V = 3.45
BALANCE_A = 0.15

# About 19 g of cell for each Ah, at 1100 J/(kg K).
HEAT_CAPACITY_J_PER_K_AH = 21.0
# The case lets a cell follow the room within a few hours.
THERMAL_TIME_S = 3 * 3600.0


def open_circuit_v(soc: float) -> float:
    """Return the resting voltage of a cell at a state of charge from 0 to 1."""
    soc = min(max(soc, 0.0), 1.0)
    right = min(bisect_right(_SOC_POINTS, soc), len(OPEN_CIRCUIT_V) - 1)
    (soc_0, v_0), (soc_1, v_1) = OPEN_CIRCUIT_V[right - 1], OPEN_CIRCUIT_V[right]
    return v_0 + (v_1 - v_0) * (soc - soc_0) / (soc_1 - soc_0)


@dataclass
class Cell:
    """A cell with its own capacity, resistance and leak, so that cells drift apart."""

    capacity_ah: float
    resistance_ohm: float
    leak_a: float
    charge_ah: float
    temp_c: float
    # The middle of a pack is warmer than its ends.
    warmer_by_c: float = 0.0

    @property
    def soc(self) -> float:
        """State of charge, 0 to 1."""
        return self.charge_ah / self.capacity_ah

    @property
    def _resistance_now_ohm(self) -> float:
        # A cold cell has a higher resistance, roughly 2 % per kelvin.
        return self.resistance_ohm * min(max(1 + 0.02 * (25 - self.temp_c), 0.6), 3.0)

    def voltage_v(self, current_a: float) -> float:
        """Return the voltage at the terminals under a current."""
        return open_circuit_v(self.soc) + current_a * self._resistance_now_ohm

    def highest_current_a(self) -> float:
        """Return the charge current at which the cell reaches its upper limit."""
        return (HIGHEST_V - open_circuit_v(self.soc)) / self._resistance_now_ohm

    def lowest_current_a(self) -> float:
        """Return the (negative) discharge current at which it reaches its lower limit."""
        return (LOWEST_V - open_circuit_v(self.soc)) / self._resistance_now_ohm

    def advance(self, dt_s: float, current_a: float, ambient_c: float) -> None:
        """Charge or discharge for a short while, and follow the room's temperature."""
        balance_a = BALANCE_A if self.voltage_v(current_a) > BALANCE_ABOVE_V else 0.0
        drawn_a = current_a - balance_a - self.leak_a
        self.charge_ah += drawn_a * dt_s / 3600
        self.charge_ah = min(max(self.charge_ah, 0.0), self.capacity_ah)
        heat_w = current_a**2 * self._resistance_now_ohm
        heated_by_c = heat_w * THERMAL_TIME_S / (HEAT_CAPACITY_J_PER_K_AH * self.capacity_ah)
        rest_c = ambient_c + self.warmer_by_c + heated_by_c
        # The exact solution for a constant room, so that no step is too long.
        self.temp_c += (rest_c - self.temp_c) * (1 - math.exp(-dt_s / THERMAL_TIME_S))
