"""The chain that the demo starts: the real services, from two simulated batteries to rows."""

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bluenova_tools.demo.history import HOURS, give_history, prepare_history
from bluenova_tools.local import Mosquitto, Postgres, Service, free_port

DATABASE = "homeauto"
# Short, so that something is seen at once.
INTERVAL_S = 2
# For each program; a small machine takes its time.
READY_WITHIN_S = 30
# A recorder gathers for a second; what is not written when it ends would wait for the next one.
LAST_BATCH_S = 1.3
# A snapshot of each battery, and its batch: the history ends before it.
FIRST_ROWS_S = INTERVAL_S + LAST_BATCH_S
# A day passes in 24 minutes. One battery begins in the sun, the other in the evening.
BATTERIES = (
    ("1A2B3C4D", ("--start-hour", "9.5", "--start-soc", "42", "--seed", "3")),
    ("5E6F7081", ("--start-hour", "19", "--start-soc", "88", "--seed", "8")),
)


def say(line: str) -> None:
    """Tells the user; at once, even into a pipe."""
    print(line, flush=True)


def _zone() -> str:
    """The zone that this machine is set to, if that has a name; else UTC."""
    name = os.environ.get("TZ", "").removeprefix(":")
    with suppress(KeyError, ValueError, OSError):
        return ZoneInfo(name).key
    return "UTC"


class Chain:
    """All that runs, up and ready once it is made. It ends with `stack`.

    Raises ServiceError, with the tail of its log, if a service does not come up.
    """

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        folder = tempfile.TemporaryDirectory(prefix="bluenova-demo-")
        self._folder = Path(stack.enter_context(folder))
        self.services: list[Service] = []
        self.mosquitto = stack.enter_context(Mosquitto())
        say(f"  Mosquitto: the MQTT broker, 127.0.0.1:{self.mosquitto.port}")
        postgres = stack.enter_context(Postgres(fast=True))
        self.database = postgres.create_database(DATABASE)
        prepare_history(self.database, datetime.now(UTC))
        say(f"  PostgreSQL: 127.0.0.1:{postgres.port}, database {DATABASE}")
        mqtt = {"MQTT_HOST": self.mosquitto.host, "MQTT_PORT": str(self.mosquitto.port)}
        self.recorder = self._start("recorder", environment=mqtt | self.database.environment())
        say("  recorder: from MQTT into PostgreSQL")
        ports = [self._battery(number, *one) for number, one in enumerate(BATTERIES, 1)]
        for simulator in self.services[1:]:
            simulator.wait_for_line("speaks at", timeout_s=READY_WITHIN_S)
        self.collectors = [self._collector(*one, mqtt) for one in enumerate(ports, 1)]
        # Only then they heed SIGTERM.
        for collector in self.collectors:
            collector.wait_for_line("Connected to the MQTT broker", timeout_s=READY_WITHIN_S)
        self.recorder.wait_for_line("Connected to the MQTT broker", timeout_s=READY_WITHIN_S)
        time.sleep(FIRST_ROWS_S)
        self.live_since = give_history(self.database, [int(mcu_id, 16) for mcu_id, _ in BATTERIES])
        self.page = self._page()

    def _battery(self, number: int, mcu_id: str, story: Sequence[str]) -> int:
        """Starts a simulated battery, and returns its port."""
        name, port = f"battery-{number}", free_port()
        options = ("--port", str(port), "--mcu-id", mcu_id, "--speed", "60")
        self._start(name, (*options, "--line-interval", "0.02", *story), module="tools.simulator")
        say(f"  {name}: simulated, MCU ID {mcu_id}, ws://127.0.0.1:{port}/ws/")
        return port

    def _collector(self, number: int, battery_port: int, mqtt: Mapping[str, str]) -> Service:
        name = f"collector-{number}"
        environment = {
            **mqtt,
            "BATTERY_HOST": "127.0.0.1",
            "BATTERY_PORT": str(battery_port),
            "INTERVAL": str(INTERVAL_S),
            "OUTBOX_PATH": str(self._folder / name / "outbox.sqlite3"),
        }
        collector = self._start(name, module="collector", environment=environment)
        say(f"  {name}: from 127.0.0.1:{battery_port} to MQTT, a snapshot every {INTERVAL_S} s")
        return collector

    def _page(self) -> str:
        """Starts the page, and returns its address."""
        port = free_port()
        environment = self.database.environment() | {"DASHBOARD_PORT": str(port), "TZ": _zone()}
        self._start("dashboard", module="dashboard", environment=environment).wait_for_line(
            "The page is at", timeout_s=READY_WITHIN_S
        )
        address = f"http://127.0.0.1:{port}"
        say(f"  dashboard: the page, {address} (with the last {HOURS} hours of another simulation)")
        return address

    def _start(
        self,
        name: str,
        arguments: Sequence[str] = (),
        *,
        module: str = "recorder",
        environment: Mapping[str, str] | None = None,
    ) -> Service:
        """Starts one of our own programs, none of which should end by itself."""
        folder = self._folder / name
        folder.mkdir()
        service = Service(
            f"bluenova_{module}", arguments, environment=environment, folder=folder, name=name
        )
        self.services.append(self._stack.enter_context(service))
        return service

    def finish(self) -> None:
        """Ends collectors, then the recorder, so that all that was measured is in the table.

        Raises ServiceError if one does not end, or not with status 0.
        """
        for service in (*self.collectors, self.recorder):
            if service is self.recorder:
                time.sleep(LAST_BATCH_S)
            status = service.terminate()
            if status != 0:
                raise service.child.error(f"{service.child.name} ended with status {status}.")
