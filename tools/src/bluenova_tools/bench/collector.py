"""What the collector takes for a line of the console, beside websockets alone on the same lines."""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bluenova_tools.bench import services
from bluenova_tools.bench.figures import Figure
from bluenova_tools.bench.kernel import cpu_s

RATES = (100, 2000, 8000)
WINDOW_S = 5.0
INTERVAL_S = 10
WEBSOCKETS = "websockets alone: receive and count"


def figures(rounds: int) -> Iterator[Figure]:
    """The collector's figures: both hear the same lines at the same moment."""
    for rate in RATES:
        pairs = list(_line_s(rate, rounds))
        yield Figure(
            "collector",
            f"collector, CPU per line at {rate:,} lines/s",
            "us",
            [1e6 * ours for ours, _ in pairs],
            [1e6 * bare for _, bare in pairs],
            WEBSOCKETS,
        )


def _line_s(rate: float, rounds: int) -> Iterator[tuple[float, float]]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bluenova-bench-")))
        broker = stack.enter_context(services.broker())
        battery = stack.enter_context(services.Battery(folder, rate))
        module = "bluenova_tools.bench.bare_console"
        bare = stack.enter_context(services.BareLoop(module, [battery.uri], folder=folder))
        ours = stack.enter_context(
            services.collector(folder, battery.port, broker, interval_s=INTERVAL_S)
        )
        ours.wait_for_line("is online", timeout_s=services.READY_WITHIN_S)
        time.sleep(1)
        pids = (ours.child.pid, bare.child.pid)
        for _ in range(rounds):
            lines, (ours_s, bare_s) = bare.count(), map(cpu_s, pids)
            time.sleep(WINDOW_S)
            ours_then_s, bare_then_s = map(cpu_s, pids)
            lines = bare.count() - lines
            yield (ours_then_s - ours_s) / lines, (bare_then_s - bare_s) / lines
