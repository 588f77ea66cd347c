"""``make demo``: the whole chain on this machine, from two simulated batteries to rows.

All services are the real ones, as child processes on free ports of the loopback address, with
their data in temporary folders. Nothing is left behind.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from psycopg2.extensions import connection
from rich.console import Console

from bluenova_shared.mqtt.broker import Broker
from bluenova_shared.table import COLUMNS, TABLE
from bluenova_shared.topics import Topics
from bluenova_tools.local import Mosquitto, Postgres, Service, ServiceError, free_port
from bluenova_tools.local.child import Child
from bluenova_tools.signals import ends_by_ctrl_c, stop_requested, terminal_of_our_own
from bluenova_tools.watch.__main__ import is_terminal, watch

DATABASE = "homeauto"
# Short, so that something is seen at once.
INTERVAL_S = 2
# For each program; a small machine takes its time.
READY_WITHIN_S = 30
# A recorder gathers for a second; what is not written when it ends would wait for the next one.
LAST_BATCH_S = 1.3
NEWEST_ROWS = 6
SHOWN_COLUMNS = (
    "insert_time_utc", "mcu_id", "soc", "v_pack", "i_pack", "v_cell_min", "v_cell_max",
    "system_state",
)  # fmt: skip
DECIMALS = {column.name: column.decimals for column in COLUMNS}
# A day passes in 24 minutes. One battery begins in the sun, the other in the evening.
BATTERIES = (
    ("1A2B3C4D", ("--start-hour", "9.5", "--start-soc", "42", "--seed", "3")),
    ("5E6F7081", ("--start-hour", "19", "--start-soc", "88", "--seed", "8")),
)


@dataclass
class Chain:
    """All that runs, in the order in which values pass through."""

    folder: Path
    stack: ExitStack
    simulators: list[Service] = field(default_factory=list)
    collectors: list[Service] = field(default_factory=list)
    recorder: Service | None = None

    def service(
        self,
        module: str,
        name: str,
        *,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Service:
        """Start one of our own programs; it ends with the demo."""
        folder = self.folder / name
        folder.mkdir()
        service = Service(module, arguments, environment=environment, folder=folder, name=name)
        return self.stack.enter_context(service)

    def recorder_log(self) -> str:
        """Return the end of what the recorder said."""
        return self.recorder.child.tail() if self.recorder else ""

    def children(self) -> list[Child]:
        """Return our own programs, none of which should end by itself."""
        services = [*self.simulators, *self.collectors]
        services += [self.recorder] if self.recorder else []
        return [service.child for service in services]


def start(chain: Chain, mosquitto: Mosquitto, postgres: Postgres) -> None:
    """Start everything that stands between the batteries and the table.

    Raises:
        ServiceError: with the tail of its log, when one does not come up.
    """
    mqtt = {"MQTT_HOST": mosquitto.host, "MQTT_PORT": str(mosquitto.port)}
    chain.recorder = chain.service(
        "bluenova_recorder", "recorder", environment=mqtt | postgres.environment(DATABASE)
    )
    say("  recorder: from MQTT into PostgreSQL")
    ports = [start_simulator(chain, *battery) for battery in BATTERIES]
    for simulator, port in zip(chain.simulators, ports, strict=True):
        simulator.wait_for_line("speaks at", timeout_s=READY_WITHIN_S)
        start_collector(chain, port, mqtt)
    # Only then they heed SIGTERM, and there is a table to read from.
    for collector in chain.collectors:
        collector.wait_for_line("Connected to the MQTT broker", timeout_s=READY_WITHIN_S)
    chain.recorder.wait_for_line("has a unique key", timeout_s=READY_WITHIN_S)


def start_simulator(chain: Chain, mcu_id: str, story: Sequence[str]) -> int:
    """Start a simulated battery and return its port."""
    port = free_port()
    name = f"battery-{len(chain.simulators) + 1}"
    options = ("--port", str(port), "--mcu-id", mcu_id, "--speed", "60", "--line-interval", "0.02")
    chain.simulators.append(
        chain.service("bluenova_tools.simulator", name, arguments=(*options, *story))
    )
    say(f"  {name}: simulated, MCU ID {mcu_id}, ws://127.0.0.1:{port}/ws/")
    return port


def start_collector(chain: Chain, battery_port: int, mqtt: Mapping[str, str]) -> None:
    """Start the collector of one battery."""
    name = f"collector-{len(chain.collectors) + 1}"
    environment = {
        **mqtt,
        "BATTERY_HOST": "127.0.0.1",
        "BATTERY_PORT": str(battery_port),
        "INTERVAL": str(INTERVAL_S),
        "OUTBOX_PATH": str(chain.folder / name / "outbox.sqlite3"),
    }
    chain.collectors.append(chain.service("bluenova_collector", name, environment=environment))
    say(f"  {name}: from 127.0.0.1:{battery_port} to MQTT, a snapshot every {INTERVAL_S} s")


async def show(chain: Chain, mosquitto: Mosquitto, lasts_s: float | None) -> Child | None:
    """Show the live view until it is time; return the program that died, if one did."""
    stop = stop_requested()
    dead: list[Child] = []

    async def look_after() -> None:
        while not dead:
            dead.extend(child for child in chain.children() if not child.running)
            await asyncio.sleep(0.2)
        stop.set()

    looking = asyncio.create_task(look_after())
    if lasts_s is not None:
        asyncio.get_running_loop().call_later(lasts_s, stop.set)
    await watch(Broker(mosquitto.host, mosquitto.port), Topics(), stop, Console())
    looking.cancel()
    return dead[0] if dead else None


def finish(chain: Chain) -> None:
    """End collectors, then the recorder, so that all that was measured is in the table.

    Raises:
        ServiceError: when one does not end, or not with status 0.
    """
    for service in (*chain.collectors, *([chain.recorder] if chain.recorder else ())):
        if service is chain.recorder:
            time.sleep(LAST_BATCH_S)
        status = service.terminate()
        if status != 0:
            raise service.child.error(f"{service.child.name} ended with status {status}.")


def newest_rows(database: connection) -> tuple[int, list[str]]:
    """Return how many rows there are, and the newest as the lines of a table."""
    columns = ", ".join(SHOWN_COLUMNS)
    with database.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {TABLE}")  # noqa: S608  # our own constant
        (count,) = cursor.fetchone() or (0,)
        cursor.execute(
            f"SELECT {columns} FROM {TABLE} "  # noqa: S608  # our own constants
            "ORDER BY insert_time_utc DESC, mcu_id LIMIT %s",
            (NEWEST_ROWS,),
        )
        rows = cursor.fetchall()
    return count, as_table(rows)


def as_table(rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """Return rows of SHOWN_COLUMNS as lines, headings first, numbers with their point in line."""
    headings = ["UTC", *SHOWN_COLUMNS[1:]]
    cells = [headings, *(list(map(_cell, SHOWN_COLUMNS, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    left = ("UTC", "mcu_id", "system_state")
    return [
        "  ".join(
            f"{cell:{'<' if heading in left else '>'}{width}}"
            for heading, cell, width in zip(headings, line, widths, strict=True)
        ).rstrip()
        for line in cells
    ]


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if name == "insert_time_utc":
        return f"{value:%H:%M:%S}"
    if name == "mcu_id":
        return f"{value:08X}"
    decimals = DECIMALS[name]
    return str(value) if decimals is None else f"{value:.{decimals}f}"


def run(lasts_s: float | None) -> int:
    """Run the demo until it is time or a signal comes, and return how many rows were recorded.

    Raises:
        ServiceError: with the tail of its log, when a service fails.
    """
    say("The BlueNova demo runs on this machine alone and leaves nothing behind.")
    say("It starts:")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bluenova-demo-")))
        mosquitto = stack.enter_context(Mosquitto())
        say(f"  Mosquitto: the MQTT broker, 127.0.0.1:{mosquitto.port}")
        postgres = stack.enter_context(Postgres(fast=True))
        postgres.create_database(DATABASE)
        say(f"  PostgreSQL: 127.0.0.1:{postgres.port}, database {DATABASE}")
        chain = Chain(folder, stack)
        start(chain, mosquitto, postgres)
        say(f"Live view{f' for {lasts_s:g} s' if lasts_s else ''}; Ctrl-C ends it.")
        if is_terminal(Console()):
            time.sleep(1.5)  # for reading, before the view takes the screen
        began_s = time.monotonic()
        dead = asyncio.run(show(chain, mosquitto, lasts_s))
        _ignore_signals()
        if dead is not None:
            raise dead.error(f"{dead.name} ended by itself with status {dead.returncode}.")
        say("Ending collectors and recorder …")
        finish(chain)
        with closing(postgres.connect(DATABASE)) as database:
            count, lines = newest_rows(database)
        if count == 0 and time.monotonic() - began_s > 5 * INTERVAL_S:
            raise ServiceError(f"No row was recorded. The recorder's log:\n{chain.recorder_log()}")
        if count:
            say(f"The newest rows of {TABLE}:")
            say("\n".join(lines))
            if count > NEWEST_ROWS:
                say("…")
    return count


def say(line: str) -> None:
    """Tell the user; at once, even into a pipe."""
    print(line, flush=True)


def _ignore_signals() -> None:
    """Let the ending, which is bounded in time, come to its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _ignore_signals()
    raise KeyboardInterrupt


def _seconds(text: str) -> float | None:
    if not text:
        return None
    seconds = float("nan")
    with suppress(ValueError):
        seconds = float(text)
    if not 0 < seconds < 1e6:
        raise ValueError(f"DEMO_SECONDS is {text!r}. Give seconds, for example DEMO_SECONDS=30.")
    return seconds


@ends_by_ctrl_c
def main() -> int:
    """Run the demo; ``DEMO_SECONDS`` in the environment ends it by itself."""
    about = "Run the whole chain on this machine, with two simulated batteries."
    ends = "DEMO_SECONDS=30 in the environment ends it after as many seconds; else Ctrl-C does."
    argparse.ArgumentParser("bluenova-demo", description=about, epilog=ends).parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        with terminal_of_our_own():
            count = run(_seconds(os.environ.get("DEMO_SECONDS", "")))
    except KeyboardInterrupt:
        say("Ended before it was all up. Nothing is left running.")
        return 0
    except (ServiceError, ValueError) as error:
        print(f"The demo failed. {error}", file=sys.stderr)
        return 1
    recorded = "1 row was" if count == 1 else f"{count} rows were"
    say(f"{recorded} recorded. Nothing is left running.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
