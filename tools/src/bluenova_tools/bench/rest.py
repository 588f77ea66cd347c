"""What our programs take when there is nothing to do, beside the bare loops at rest."""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bluenova_shared.topics import Topics
from bluenova_tools.bench import services
from bluenova_tools.bench.figures import Figure
from bluenova_tools.bench.kernel import cpu_s
from bluenova_tools.local import Postgres

WINDOW_S = 3.0
# The slowest battery that the simulator plays: silence but for a line a minute.
LINES_PER_S = 1 / 60
SETTLE_S = 8.0


def figures(rounds: int) -> Iterator[Figure]:
    """The processor time in a second, of a collector and a recorder that have nothing to do."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bluenova-bench-")))
        broker = stack.enter_context(services.broker())
        database = stack.enter_context(Postgres()).create_database("rest")
        battery = stack.enter_context(services.Battery(folder, LINES_PER_S))
        mqtt = (broker.host, str(broker.port), Topics("bare").snapshot("+"))
        programs = [
            services.collector(folder, battery.port, broker, interval_s=10),
            services.BareLoop("bluenova_tools.bench.bare_console", [battery.uri], folder=folder),
            services.recorder(folder, database, broker),
            services.BareLoop("bluenova_tools.bench.bare_mqtt", mqtt, folder=folder),
        ]
        for program in programs:
            stack.enter_context(program)
        time.sleep(SETTLE_S)
        pids = [program.child.pid for program in programs]
        spent_ms: list[list[float]] = [[] for _ in pids]
        for _ in range(rounds):
            before_s = [cpu_s(pid) for pid in pids]
            time.sleep(WINDOW_S)
            for taken, pid, earlier_s in zip(spent_ms, pids, before_s, strict=True):
                taken.append(1000 * (cpu_s(pid) - earlier_s) / WINDOW_S)
    ours, bare, ours_too, bare_too = spent_ms
    yield Figure("rest", "collector at rest, CPU", "ms/s", ours, bare, "websockets alone")
    yield Figure("rest", "recorder at rest, CPU", "ms/s", ours_too, bare_too, "paho alone")
