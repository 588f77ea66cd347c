"""Which faults come when: a plan that follows from the seed alone. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

# Seconds for each fault, on average. Most last longer than that.
PACE_S = 1.5
# Faults come in bursts of up to so many, within so many seconds: what is wrong meets what is wrong.
MOST_IN_A_BURST = 4
BURST_S = 1.0
# What the same thing suffers next comes at least so much later, so that it has been well.
MARGIN_S = 0.5


@dataclass(frozen=True)
class Kind:
    """A kind of fault: what it befalls, how often it comes, how long it lasts.

    Faults that befall the same `target` do not overlap.
    """

    name: str
    target: str
    weight: float = 1.0
    shortest_s: float = 0.3
    longest_s: float = 3.0

    def __str__(self) -> str:
        return f"{self.name}: {self.target}"


@dataclass(frozen=True)
class Planned:
    """A fault, its beginning in seconds from the plan's, and its length."""

    at_s: float
    lasts_s: float
    kind: Kind


def plan(kinds: Sequence[Kind], faults: int, seed: int, pace_s: float = PACE_S) -> list[Planned]:
    """As many faults, in the order of their beginnings."""
    random = Random(seed)
    free_at_s: dict[str, float] = {}
    planned: list[Planned] = []
    for at_s in sorted(_instants(faults, faults * pace_s, random)):
        free = [kind for kind in kinds if free_at_s.get(kind.target, 0) <= at_s]
        chosen = free or [min(kinds, key=lambda kind: free_at_s[kind.target])]
        kind = random.choices(chosen, [kind.weight for kind in chosen])[0]
        begins_s = max(at_s, free_at_s.get(kind.target, 0))
        lasts_s = random.uniform(kind.shortest_s, kind.longest_s)
        free_at_s[kind.target] = begins_s + lasts_s + MARGIN_S
        planned.append(Planned(begins_s, lasts_s, kind))
    return sorted(planned, key=lambda fault: fault.at_s)


def _instants(count: int, within_s: float, random: Random) -> Iterator[float]:
    while count > 0:
        burst = min(random.randint(1, MOST_IN_A_BURST), count)
        start_s = random.uniform(0, within_s)
        yield from (start_s + random.uniform(0, BURST_S) for _ in range(burst))
        count -= burst
