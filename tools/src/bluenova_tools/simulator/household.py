"""What charges and discharges the pack: a sunny day with clouds, and a house.

Pure: time is passed in, chance comes from the generator passed in.
"""

import math
from dataclasses import dataclass, field
from random import Random

DAY_S = 86400.0
SUNRISE_S = 6.5 * 3600
SUNSET_S = 19.5 * 3600


@dataclass
class Wander:
    """A value that wanders around 0 and never far from it (Ornstein-Uhlenbeck)."""

    random: Random
    spread: float
    time_s: float
    value: float = 0.0

    def advance(self, dt_s: float) -> float:
        """Let it wander for a while and return the new value."""
        keep = math.exp(-dt_s / self.time_s)
        noise = self.random.gauss(0, self.spread * math.sqrt(1 - keep * keep))
        self.value = self.value * keep + noise
        return self.value


@dataclass
class Household:
    """A house with solar panels: power left over for the pack, in watts."""

    random: Random
    peak_sun_w: float
    base_load_w: float
    clouds: Wander = field(init=False)
    habits: Wander = field(init=False)

    def __post_init__(self) -> None:
        self.clouds = Wander(self.random, spread=0.25, time_s=600)
        self.habits = Wander(self.random, spread=0.35, time_s=240)

    def surplus_w(self, time_s: float, dt_s: float) -> float:
        """Return sun minus load at a time of day; negative draws on the pack."""
        time_of_day_s = time_s % DAY_S
        day_share = (time_of_day_s - SUNRISE_S) / (SUNSET_S - SUNRISE_S)
        sky = min(max(0.85 + self.clouds.advance(dt_s), 0.1), 1.0)
        sun_w = self.peak_sun_w * math.sin(math.pi * day_share) * sky if 0 < day_share < 1 else 0.0
        evening = math.exp(-(((time_of_day_s - 20 * 3600) / 5400) ** 2))
        load_w = self.base_load_w * (1 + 2.5 * evening) * max(1 + self.habits.advance(dt_s), 0.3)
        return sun_w - load_w


def ambient_c(time_s: float, *, winter: bool) -> float:
    """Return the temperature around the pack at a time of day."""
    mean_c, swing_c = (-5.0, 5.0) if winter else (19.0, 6.0)
    return mean_c + swing_c * math.sin(2 * math.pi * (time_s / DAY_S - 0.375))
