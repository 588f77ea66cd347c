"""The two clocks of a service. Pure: only a service's `__main__` chooses them."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Clocks:
    """`wall` gives the seconds since 1970 and may jump; `steady` gives seconds and never jumps."""

    wall: Callable[[], float]
    steady: Callable[[], float]
