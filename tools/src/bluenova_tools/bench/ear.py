"""Somebody at the broker who hears when things come."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from bluenova_shared.snapshot import Snapshot
from bluenova_shared.topics import Topics
from bluenova_tools.local import Mosquitto

TOPICS = Topics()


@dataclass
class Ear:
    """Hears when a recorder is ready, and how long after its interval's end a snapshot comes."""

    ready_s: float | None = None  # by the steady clock
    first_s: float | None = None  # the first snapshot, by the same
    late_s: list[float] = field(default_factory=list)

    def hear(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        """One of paho's callbacks."""
        if message.topic == TOPICS.recorder():
            self.ready_s = time.monotonic()
        else:
            if self.first_s is None:
                self.first_s = time.monotonic()
            end = Snapshot.model_validate_json(message.payload).time
            self.late_s.append(time.time() - end.timestamp())


@contextlib.contextmanager
def ear(broker: Mosquitto) -> Iterator[Ear]:
    """One that hears all live snapshots."""
    one, subscribed = Ear(), threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_message = one.hear
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect(broker.host, broker.port)
    client.subscribe([(TOPICS.snapshot("+"), 0), (TOPICS.recorder(), 0)])
    client.loop_start()
    try:
        if not subscribed.wait(10):
            raise TimeoutError("the broker does not answer")
        yield one
    finally:
        client.disconnect()
        client.loop_stop()
