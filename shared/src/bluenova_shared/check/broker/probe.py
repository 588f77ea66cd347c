"""A connection to the broker that asks, waits for the answer, and leaves nothing behind.

It has a name of its own, so that it throws nobody out, no session and no will. Its calls block.
"""

import contextlib
import queue
import secrets
import threading
import time
from collections.abc import Callable
from typing import Self, TypeVar

import paho.mqtt.client as paho
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from bluenova_shared.message import Message
from bluenova_shared.mqtt import troubles
from bluenova_shared.mqtt.broker import Abilities, Broker, Client
from bluenova_shared.mqtt.paho_client import connect, new_client

T = TypeVar("T")

ANSWER_WITHIN_S = 3.0
_LOOK_EVERY_S = 0.005


class Refused(Exception):  # noqa: N818  # it is an answer
    """The broker does not accept us: its reason."""

    def __init__(self, reason: ReasonCode) -> None:
        super().__init__(str(reason))
        self.code = int(reason.value)


class NoAnswer(Exception):  # noqa: N818  # it is what was found
    """The connection did not come about, or ended, without an answer of MQTT."""


class Probe:
    """Connected within a `with` block, or from `open` to `close`."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._client = Client(f"check-{secrets.token_hex(4)}")
        self.heard: list[Message] = []
        self._paho = new_client(broker, self._client, Abilities(), self.heard.append)
        self._paho.connect_timeout = ANSWER_WITHIN_S
        self._ended = threading.Event()
        self._farewell = ""
        self._connack: queue.Queue[ReasonCode] = queue.Queue()
        self._answers: dict[int, ReasonCode] = {}
        self.properties: Properties | None = None  # what the broker said of itself
        self._paho.on_connect = self._on_connect
        self._paho.on_disconnect = self._on_disconnect
        self._paho.on_publish = lambda _c, _u, n, why, _p: self._answers.update({n: why})
        self._paho.on_subscribe = lambda _c, _u, n, why, _p: self._answers.update({n: why[0]})

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Connects. Raises Refused or NoAnswer."""
        try:
            connect(self._paho, self._broker, self._client)
        except (OSError, ValueError) as error:
            raise NoAnswer(troubles.of_error(error, tls=self._broker.tls is not None)) from None
        self._paho.loop_start()
        reason = self._wait(lambda: None if self._connack.empty() else self._connack.get())
        if reason is not None and not reason.is_failure:
            return
        end = self.end  # before we end it ourselves
        self.close()
        if reason is not None:
            raise Refused(reason)
        raise NoAnswer(end or f"nothing came within {ANSWER_WITHIN_S:g} s")

    def close(self) -> None:
        """Takes leave."""
        self._paho.disconnect()
        # What hangs in its thread must not hold us up; it is a daemon's.
        with contextlib.suppress(RuntimeError):
            self._paho.loop_stop()

    @property
    def answers_publishers(self) -> bool:
        """Whether the broker takes QoS 1: without, nobody is told what became of a message."""
        return bool(getattr(self.properties, "MaximumQoS", 1))

    def publish(self, message: Message) -> ReasonCode | None:
        """Sends a message at QoS 1; returns the broker's answer, None if there is none in time."""
        info = self._paho.publish(message.topic, message.payload, 1, message.retain)
        return self._wait(lambda: self._answers.get(info.mid))

    def subscribe(self, topic_filter: str) -> ReasonCode | None:
        """Asks for a topic at QoS 0; returns the broker's answer, None if there is none in time."""
        _, number = self._paho.subscribe([(topic_filter, SubscribeOptions(0))])
        return self._wait(lambda: None if number is None else self._answers.get(number))

    def listen(self, until: Callable[[], bool], within_s: float) -> None:
        """Waits until it is so, or the connection ends, or the time is up."""
        self._wait(lambda: until() or None, within_s)

    @property
    def end(self) -> str:
        """Why the broker ended the connection; empty while it has not."""
        return (self._farewell or "it ended the connection") if self._ended.is_set() else ""

    def _wait(self, look: Callable[[], T | None], within_s: float = ANSWER_WITHIN_S) -> T | None:
        deadline_s = time.monotonic() + within_s
        while (found := look()) is None:
            if self._ended.is_set() or time.monotonic() > deadline_s:
                return look()
            time.sleep(_LOOK_EVERY_S)
        return found

    def _on_connect(
        self, _c: object, _u: object, _f: object, reason: ReasonCode, about: Properties | None
    ) -> None:
        self.properties = about
        self._connack.put(reason)

    def _on_disconnect(
        self, _c: object, _u: object, flags: paho.DisconnectFlags, reason: ReasonCode, _p: object
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._farewell = troubles.of_farewell(str(reason))
        self._ended.set()
