"""`make bench`: measures what is asked for, and prints one table."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from bluenova_shared.program import show_what_can_be_shown
from bluenova_shared.service import look_seldom_for_garbage
from bluenova_tools.bench import (
    backlog,
    collector,
    latency,
    parsing,
    recorder,
    rest,
    start,
    storing,
    wear,
)
from bluenova_tools.bench.figures import Figure, table, to_json
from bluenova_tools.options import add_version, whole

Part = Callable[[int], Iterator[Figure]]
PARTS: dict[str, Part] = {
    "parse": parsing.figures,
    "collector": collector.figures,
    "recorder": recorder.figures,
    "backlog": backlog.figures,
    "storing": storing.figures,
    "wear": wear.figures,
    "rest": rest.figures,
    "start": start.figures,
    "latency": latency.figures,
    "thousand": latency.figures_of_a_thousand,
}
# What only runs if it is asked for.
EXTRA = {"thousand"}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "bench",
        description="Measure what our programs take, beside bare loops and limits.",
        epilog="Each may also be set in the environment: ONLY=parse is --only parse.",
    )
    add_version(parser)
    add = parser.add_argument
    add("--only", type=_parts, default=os.environ.get("ONLY", ""), metavar="PARTS",
        help=f"some of {', '.join(PARTS)}, with commas between (all but the last)")  # fmt: skip
    add("--rounds", type=whole(1, 100), default=os.environ.get("ROUNDS") or "5", metavar="NUMBER",
        help="how often each is measured; the median counts (%(default)s)")  # fmt: skip
    add("--json", action="store_true", default=bool(os.environ.get("JSON")),
        help="print JSON instead of the table")  # fmt: skip
    return parser.parse_args()


def _parts(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()] or [
        name for name in PARTS if name not in EXTRA
    ]
    for name in names:
        if name not in PARTS:
            raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(PARTS)}")
    return names


def main() -> int:
    """Measures, and prints; what it does meanwhile goes to the standard error."""
    arguments = _arguments()
    show_what_can_be_shown()
    look_seldom_for_garbage()  # as the services do: some parts run in this process
    found = list[Figure]()
    began_s = time.monotonic()
    for name in arguments.only:
        print(f"{datetime.now(UTC):%H:%M:%S} {name} …", file=sys.stderr, flush=True)
        found += PARTS[name](arguments.rounds)
    if arguments.json:
        print(to_json(found))
        return 0
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(table(found))
    print(
        f"\n{time.monotonic() - began_s:.0f} s, medians of {arguments.rounds}; "
        f"load of the machine at the end {load} on {os.cpu_count()} processors"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
