"""The real parts, as the tests start them: a scripted battery, the services, a listener."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any, Self, TypeVar

import paho.mqtt.client as paho
from paho.mqtt.subscribeoptions import SubscribeOptions
from tests.support.mqtt import MqttClient

from bluenova_shared.message import Message
from bluenova_shared.table import TABLE
from bluenova_tools.local import Database, Mosquitto, Service, free_port
from bluenova_tools.simulator.acts import Act
from bluenova_tools.simulator.behaviour import Behaviour
from bluenova_tools.simulator.server import ConsoleServer
from bluenova_tools.simulator.sources import Broadcast

T = TypeVar("T")

MCU_ID = "1A2B3C4D"


def eventually(look: Callable[[], T], *, timeout_s: float = 15) -> T:
    """The first true answer of `look`; fails with its last one when the time is up."""
    began_s = time.monotonic()
    while not (answer := look()):
        waited_s = time.monotonic() - began_s
        assert waited_s < timeout_s, f"not within {timeout_s:g} s: {answer!r}"
        # Ever more slowly: what takes minutes (a container) is dear to look at, too.
        time.sleep(min(0.02 + waited_s / 20, 0.3))
    return answer


def memory_mb(pid: int | str = "self") -> float:
    """The memory that a process holds now (Linux's VmRSS)."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


class Battery:
    """A console whose lines the test says, served from a thread of its own."""

    def __init__(self, behaviour: Behaviour = Behaviour.SERVE, *, port: int = 0) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="battery")
        self._spoken = Broadcast()
        # A port below those of outgoing connections, so that nobody takes it while it is free.
        self.server = ConsoleServer(
            self._spoken, port=port or free_port(), behaviour=behaviour, ping_interval_s=0.5
        )

    @property
    def port(self) -> int:
        return self.server.port

    def say(self, *acts: Act, to_all_in_s: float = 20) -> None:
        """Sends these to the client, as soon as there is one."""
        eventually(lambda: self._spoken.listeners, timeout_s=to_all_in_s)
        self._loop.call_soon_threadsafe(self._spoken.say, *acts)

    def wait_for_client(self, *, timeout_s: float = 20) -> None:
        eventually(lambda: self._spoken.listeners, timeout_s=timeout_s)

    def drop(self) -> None:
        """Ends the connection, without a closing handshake."""
        self._loop.call_soon_threadsafe(self.server.drop_all)
        eventually(lambda: not self._spoken.listeners)

    def behave(self, behaviour: Behaviour) -> None:
        self._run(self.server.behave(behaviour))

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self.server.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self.server.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Listener(MqttClient):
    """A client of the broker that keeps all that it hears, and publishes what the test wants."""

    def __init__(self, broker: Mosquitto, topic_filter: str = "#") -> None:
        super().__init__(broker.host, broker.port)
        self.heard: list[Message] = []
        self._ready = threading.Event()
        self._topic_filter = topic_filter
        self.client.on_connect = self._subscribe
        self.client.on_subscribe = lambda *_: self._ready.set()
        self.client.on_message = self._hear

    def _subscribe(self, client: paho.Client, *_: object) -> None:
        client.subscribe(self._topic_filter, options=SubscribeOptions(1))

    def _hear(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        with contextlib.suppress(UnicodeDecodeError):
            self.heard.append(
                Message(message.topic, bytes(message.payload), message.qos, message.retain)
            )

    def payloads(self, topic: str) -> list[bytes]:
        """What has come on this topic so far."""
        return [bytes(m.payload) for m in self.heard if m.topic == topic]  # type: ignore[arg-type]  # what came is bytes

    def publish(
        self, topic: str, payload: str | bytes, *, qos: int = 1, retain: bool = False
    ) -> None:
        """Sends it, and waits until the broker has it."""
        self.client.publish(topic, payload, qos, retain).wait_for_publish(10)

    def __enter__(self) -> Self:
        super().__enter__()
        assert self._ready.wait(10)
        return self


def collector(
    folder: Path,
    *,
    battery_port: int,
    mqtt_port: int,
    arguments: Sequence[str] = (),
    name: str = "collector",
    **settings: Any,
) -> Service:
    """A collector, not yet started, of the battery at this port of 127.0.0.1."""
    environment = {
        "BATTERY_HOST": "127.0.0.1",
        "BATTERY_PORT": str(battery_port),
        "MQTT_HOST": "127.0.0.1",
        "MQTT_PORT": str(mqtt_port),
        "OUTBOX_PATH": str(folder / f"{name}.sqlite"),
        "INTERVAL": "1",
    }
    environment |= {key: str(value) for key, value in settings.items()}
    return Service(
        "bluenova_collector", arguments, environment=environment, folder=folder, name=name
    )


def recorder(
    folder: Path,
    database: Mapping[str, str] | Database,
    *,
    mqtt_port: int,
    arguments: Sequence[str] = (),
    name: str = "recorder",
    **settings: Any,
) -> Service:
    """A recorder, not yet started, that writes into this database."""
    environment = {
        **(database.environment() if isinstance(database, Database) else database),
        "MQTT_HOST": "127.0.0.1",
        "MQTT_PORT": str(mqtt_port),
        "BATCH_AGE_S": "0.05",
    }
    environment |= {key: str(value) for key, value in settings.items()}
    return Service(
        "bluenova_recorder", arguments, environment=environment, folder=folder, name=name
    )


def wait_until_ready(service: Service, database: Database | None = None) -> None:
    """Waits until a service has its broker, and a recorder its table, too."""
    service.wait_for_line("Connected to the MQTT broker", timeout_s=30)
    if database is not None:
        eventually(lambda: has_table(database))


def query(database: Database, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """The statement's rows, committed."""
    with (
        contextlib.closing(database.connect()) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


def has_table(database: Database) -> bool:
    """Whether a recorder has made the table, and is done with its key."""
    return bool(
        query(
            database,
            "SELECT 1 FROM pg_indexes WHERE tablename = %s AND indexname LIKE %s",
            TABLE,
            f"{TABLE}\\_key%",
        )
    )


def stored(database: Database) -> list[dict[str, Any]]:
    """All rows, oldest first, by column."""
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {TABLE} ORDER BY insert_time_utc, mcu_id")
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def seconds(row: Mapping[str, Any]) -> int:
    """A row's time, in seconds since 1970."""
    return int(row["insert_time_utc"].replace(tzinfo=UTC).timestamp())
