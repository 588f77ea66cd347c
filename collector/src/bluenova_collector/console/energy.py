"""The two energy totals, which the console gives one and the same label."""

from __future__ import annotations

from typing import Literal

Place = Literal["energy_out", "energy_in"]


class EnergyPair:
    """Tells the totals apart by their place behind the arming line.

    The firmware labels both totals "EnergyOut". After a flash store the first is discharge, the
    second charge; later ones are neither, until the next store.
    """

    def __init__(self) -> None:
        self._to_come: list[Place] = []

    def arm(self) -> None:
        """The next two totals are the pair."""
        self._to_come = ["energy_out", "energy_in"]

    def disarm(self) -> None:
        """The stream broke off: the next total may be either."""
        self._to_come = []

    def next(self) -> Place | None:
        """Which total this one is, readable or not; None if it is neither."""
        return self._to_come.pop(0) if self._to_come else None
