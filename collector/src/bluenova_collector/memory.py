"""What a collector knows of its battery over a restart. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Memory:
    """What a collector remembers: see the Assembler, the Intervals and the GapEvents."""

    mcu_id: str | None = None
    totals: Mapping[str, dict[str, float]] = field(default_factory=dict)
    last_end_s: int | None = None
    present: Sequence[str] = ()
    lost: Sequence[str] = ()
    cells: Mapping[str, int] = field(default_factory=dict)
