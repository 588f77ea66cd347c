"""The two energy totals, which have the same label on the console. Pure."""

from typing import Literal

Place = Literal["energy_out", "energy_in"]


class EnergyPair:
    """Tells the totals apart by their order after the line that arms it.

    The firmware labels both totals "EnergyOut". After a flash store the first is discharge, the
    second charge; later ones are neither, until the next store.
    """

    def __init__(self) -> None:
        self._to_come: list[Place] = []

    def arm(self) -> None:
        """Expects the pair: the next two totals."""
        self._to_come = ["energy_out", "energy_in"]

    def disarm(self) -> None:
        """Expects nothing: lines may be missing, so the next total could be either."""
        self._to_come = []

    def next(self) -> Place | None:
        """Returns which total this one is, readable or not; None if it is neither."""
        return self._to_come.pop(0) if self._to_come else None
