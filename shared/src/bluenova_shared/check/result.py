"""What `check` found: one result for each thing that it looked at. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

State = Literal["ok", "warning", "wrong", "skipped"]


@dataclass(frozen=True)
class Result:
    """One thing that was looked at: what was found, and the cure if it is not as it should be.

    `warning`: it works, with a limit or a doubt. `skipped`: it was not looked at, or there is no
    telling.
    """

    name: str
    state: State
    found: str
    cure: str = ""


@dataclass
class Findings:
    """The results so far, in their order."""

    results: list[Result] = field(default_factory=list)

    def ok(self, name: str, found: str) -> None:
        """It is as it should be."""
        self.results.append(Result(name, "ok", found))

    def warning(self, name: str, found: str, cure: str) -> None:
        """It works, with a limit or a doubt."""
        self.results.append(Result(name, "warning", found, cure))

    def wrong(self, name: str, found: str, cure: str) -> None:
        """It does not work."""
        self.results.append(Result(name, "wrong", found, cure))

    def skipped(self, name: str, why: str) -> None:
        """There is no telling, or no need to look."""
        self.results.append(Result(name, "skipped", why))

    def has(self, name: str) -> bool:
        """Whether there is a result of this name."""
        return any(one.name == name for one in self.results)

    def missing(self, names: Iterable[str]) -> list[str]:
        """Those of the names that have no result yet."""
        return [name for name in names if not self.has(name)]

    def complete(self, names: Iterable[str]) -> None:
        """What has no result was not looked at: it needs what is wrong."""
        first = next((one.name for one in self.results if one.state == "wrong"), None)
        why = f"not looked at, as it needs: {first}" if first else "not looked at"
        for name in self.missing(names):
            self.skipped(name, why)


def ago(seconds: float) -> str:
    """A duration for people: `4 s`, `12 min`, `3 h`, `9 days`."""
    for size_s, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if abs(seconds) >= 2 * size_s:
            return f"{seconds / size_s:.0f} {unit}"
    return f"{seconds:.0f} s"


def size(number: float) -> str:
    """A number of bytes for people: `812 bytes`, `64 KB`, `3.2 GB`."""
    for power, unit in ((9, "GB"), (6, "MB"), (3, "KB")):
        if number >= 10**power:
            return f"{number / 10**power:.3g} {unit}"
    return f"{number:.0f} bytes"
