"""A recorder at work, for the tests of a module."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from tests.support.factories import MCU_ID, START_S, snapshot_keys
from tests.support.harness import (
    Listener,
    eventually,
    query,
    recorder,
    seconds,
    stored,
    wait_until_ready,
)

from bluenova_tools.local import Database, Mosquitto, Postgres, Service

_numbers = count(1)


@dataclass
class Recording:
    """A recorder, its broker and its database, and somebody who publishes."""

    broker: Mosquitto
    database: Database
    service: Service
    listener: Listener
    _times: Iterator[int] = field(default_factory=lambda: count(START_S + 1_000_000))

    def publish(self, *snapshots: Mapping[str, Any]) -> None:
        """Each on its battery's topic."""
        for one in snapshots:
            topic = f"bluenova/{one['mcu_id']}/snapshot"
            self.listener.publish(topic, json.dumps(one))

    def catch_up(self) -> None:
        """Returns when all that was published before has been dealt with."""
        time_s = next(self._times)
        self.publish(snapshot_keys(time_s, mcu_id="0000CA7C"))
        eventually(lambda: any(seconds(row) == time_s for row in stored(self.database)))

    def rows(self, mcu_id: str = MCU_ID) -> list[dict[str, Any]]:
        """This battery's rows."""
        return [row for row in stored(self.database) if row["mcu_id"] == int(mcu_id, 16)]


@contextlib.contextmanager
def record(
    postgres: Postgres,
    folder_factory: pytest.TempPathFactory,
    *,
    before: str = "",
    **settings: Any,
) -> Iterator[Recording]:
    """A recorder at work in a new database, on which these statements have been run."""
    database = postgres.create_database(f"recording_{next(_numbers)}")
    try:
        if before:
            query(database, before)
        with (
            Mosquitto() as broker,
            Listener(broker) as listener,
            recorder(
                folder_factory.mktemp("recorder"), database, mqtt_port=broker.port, **settings
            ) as service,
        ):
            wait_until_ready(service, database)
            eventually(lambda: listener.payloads("bluenova/recorder"))  # it has subscribed then
            yield Recording(broker, database, service, listener)
    finally:
        postgres.drop_database(database.name)
