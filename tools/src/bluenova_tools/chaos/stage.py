"""All the services of a chaos run, the links between them, and their files."""

import contextlib
import shutil
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bluenova_tools.chaos.disk import SmallDisk
from bluenova_tools.chaos.links import Link, Links
from bluenova_tools.chaos.tap import Truth, read_truth, write_down_what_is_left
from bluenova_tools.local import Mosquitto, Postgres, Service, ServiceError, free_port
from bluenova_tools.local.pgbouncer import PgBouncer, find_pgbouncer
from bluenova_tools.local.system_user import remove_folder

DATABASE = "homeauto"
BATTERIES = ("1A2B3C4D", "5E6F7081")
MOST_CONNECTIONS = 20
POSTGRES_MB = 400
OUTBOX_MB = 64
# PostgreSQL may be held back by another fault; a restart that takes longer has failed.
START_WITHIN_S = 60


@dataclass
class Collector:
    """A collector with its files and its links."""

    service: Service
    outbox: Path
    tap: Path
    clock: Path
    battery: Link
    broker: Link

    def start(self) -> None:
        """Starts the collector, after writing down what the last one left in the outbox."""
        write_down_what_is_left(self.outbox, self.tap)
        self.service.start()

    def set_clock(self, off_s: float) -> None:
        """The collector's clock is wrong by so much from now on."""
        fresh = self.clock.with_suffix(".new")
        fresh.write_text(str(off_s))
        fresh.replace(self.clock)


@dataclass
class Recorder:
    """A recorder with its links."""

    service: Service
    broker: Link
    database: Link


@dataclass
class Stage:
    """Everything that can be harmed. Whoever harms a thing holds its lock."""

    folder: Path
    links: Links
    broker: Mosquitto
    postgres: Postgres
    postgres_disk: SmallDisk
    outbox_disk: SmallDisk
    pooler: PgBouncer | None = None  # between the second recorder and PostgreSQL
    collectors: list[Collector] = field(default_factory=list)
    recorders: list[Recorder] = field(default_factory=list)
    simulators: list[Service] = field(default_factory=list)
    locks: dict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))

    def truth(self) -> Truth:
        """What has been measured so far."""
        return read_truth(collector.tap for collector in self.collectors)

    def spoken(self) -> list[Path]:
        """The files with all that the batteries said."""
        return [self.folder / f"spoken-{mcu_id}.jsonl" for mcu_id in BATTERIES]

    def services(self) -> Iterator[tuple[str, Service]]:
        """Collectors and recorders, by the names of their locks."""
        for number, collector in enumerate(self.collectors, 1):
            yield f"collector {number}", collector.service
        for number, recorder in enumerate(self.recorders, 1):
            yield f"recorder {number}", recorder.service


# How a fault is done: it begins on entry and is undone on exit.
Doing = Callable[[Stage], AbstractContextManager[None]]


def fault(begin: Callable[[], object], undo: Callable[[], object]) -> Doing:
    """A fault that one call begins and another one undoes."""

    @contextlib.contextmanager
    def do(_stage: Stage) -> Iterator[None]:
        begin()
        yield
        undo()

    return do


@contextlib.contextmanager
def stage(folder: Path, seed: int, *, broken: str = "", pauses: str = "") -> Iterator[Stage]:
    """Everything, up and running."""
    with ExitStack() as stack:
        links = stack.enter_context(Links())
        broker = stack.enter_context(Mosquitto())
        postgres = Postgres(
            fast=True,
            config={"max_connections": str(MOST_CONNECTIONS), "track_commit_timestamp": "on"},
        )
        stack.callback(remove_folder, postgres.folder)  # under the disk, once that is gone
        disk = stack.enter_context(SmallDisk(postgres.folder, POSTGRES_MB))
        stack.enter_context(postgres)
        postgres.create_database(DATABASE)
        outboxes = folder / "outboxes"
        outboxes.mkdir()
        outbox_disk = stack.enter_context(SmallDisk(outboxes, OUTBOX_MB))
        made = Stage(folder, links, broker, postgres, disk, outbox_disk)
        common = {"BREAK": broken, "PAUSES": pauses}
        if find_pgbouncer() is not None:
            made.pooler = stack.enter_context(PgBouncer(postgres, "transaction"))
        for number in (1, 2):
            made.recorders.append(_recorder(stack, made, number, common))
        for number, mcu_id in enumerate(BATTERIES, 1):
            made.simulators.append(_battery(stack, made, mcu_id, seed))
            port = int(made.simulators[-1].arguments[1])
            made.collectors.append(_collector(stack, made, number, port, common))
        yield made


def _battery(stack: ExitStack, made: Stage, mcu_id: str, seed: int) -> Service:
    options = ["--port", str(free_port()), "--mcu-id", mcu_id, "--seed", str(seed), "--speed", "60"]
    options += ["--line-interval", "0.015", "--truth", str(made.folder / f"spoken-{mcu_id}.jsonl")]
    service = Service(
        "bluenova_tools.simulator", options, folder=made.folder, name=f"battery-{mcu_id}"
    )
    return stack.enter_context(service)


def _collector(
    stack: ExitStack, made: Stage, number: int, battery_port: int, common: dict[str, str]
) -> Collector:
    name = f"collector-{number}"
    battery = made.links.add(f"battery {number} – collector {number}", battery_port)
    broker = made.links.add(f"collector {number} – broker", made.broker.port)
    outbox = made.folder / "outboxes" / f"{name}.sqlite"
    tap, clock = made.folder / f"{name}.tap", made.folder / f"{name}.clock"
    environment = {
        "BATTERY_HOST": "127.0.0.1",
        "BATTERY_PORT": str(battery.port),
        "MQTT_HOST": "127.0.0.1",
        "MQTT_PORT": str(broker.port),
        "INTERVAL": "1",
        "SILENCE_S": "3",
        "OUTBOX_PATH": str(outbox),
        "CHAOS_TAP": str(tap),
        "CHAOS_CLOCK": str(clock),
    }
    service = Service(
        "bluenova_tools.chaos.collector",
        environment=environment | common,
        folder=made.folder,
        name=name,
    )
    stack.enter_context(service)
    return Collector(service, outbox, tap, clock, battery, broker)


def _recorder(stack: ExitStack, made: Stage, number: int, common: dict[str, str]) -> Recorder:
    broker = made.links.add(f"recorder {number} – broker", made.broker.port)
    server = made.pooler if made.pooler and number > 1 else made.postgres
    database = made.links.add(f"recorder {number} – PostgreSQL", server.port)
    environment = {
        **made.postgres.environment(DATABASE),
        "PGPORT": str(database.port),
        "MQTT_HOST": "127.0.0.1",
        "MQTT_PORT": str(broker.port),
    }
    if number > 1:  # its rows wait for one another
        environment |= {"BATCH_AGE_S": "4", "BATCH_QUIET_S": "4"}
    service = Service(
        "bluenova_tools.chaos.recorder",
        environment=environment | common,
        folder=made.folder,
        name=f"recorder-{number}",
    )
    stack.enter_context(service)
    return Recorder(service, broker, database)


def start_postgres(made: Stage) -> None:
    """Starts it, as often as it takes. Raises ServiceError if it does not come up."""
    for _ in range(5):
        try:
            made.postgres.start()
        except ServiceError:
            made.postgres.kill()
            continue
        return
    made.postgres.start(timeout_s=START_WITHIN_S)


def keep_logs(made: Stage, where: Path) -> None:
    """Copies what the services said to a place that stays."""
    where.mkdir(parents=True, exist_ok=True)
    for file in [*made.folder.glob("*.*"), made.broker.log, made.postgres.log]:
        if file.is_file():
            shutil.copy(file, where)
