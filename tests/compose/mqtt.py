"""A stranger's MQTT client: what the broker lets it do."""

from __future__ import annotations

import queue
import ssl
import threading
from types import TracebackType
from typing import Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

NOT_AUTHORIZED = 0x87
WAIT_S = 10.0


class Refused(Exception):  # noqa: N818  # it is the expected outcome of half of the tests
    """The broker does not let this account in."""


class Client:
    """Connected within a `with` block; raises Refused, or OSError where nobody answers in MQTT."""

    def __init__(
        self, port: int, user: str | None, password: str | None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._port = port
        self._acknowledged: queue.Queue[ReasonCode] = queue.Queue()
        self._connected: queue.Queue[ReasonCode] = queue.Queue()
        self._subscribed = threading.Event()
        self.topics: list[str] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.on_connect = lambda _c, _u, _f, reason, _p: self._connected.put(reason)
        self._client.on_publish = lambda _c, _u, _m, reason, _p: self._acknowledged.put(reason)
        self._client.on_subscribe = lambda _c, _u, _m, _r, _p: self._subscribed.set()
        self._client.on_message = lambda _c, _u, message: self.topics.append(message.topic)
        if user is not None:
            self._client.username_pw_set(user, password)
        if tls is not None:
            self._client.tls_set_context(tls)

    def __enter__(self) -> Self:
        """Connect."""
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        try:
            reason = self._connected.get(timeout=WAIT_S)
        except queue.Empty:
            self.__exit__(None, None, None)
            raise ConnectionError("no answer in MQTT") from None
        if reason.is_failure:
            self.__exit__(None, None, None)
            raise Refused(str(reason))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def may_publish(self, topic: str, payload: str = "probe", *, retain: bool = False) -> bool:
        """Publish, and say whether the broker took it."""
        self._client.publish(topic, payload, qos=1, retain=retain)
        return int(self._acknowledged.get(timeout=WAIT_S).value) != NOT_AUTHORIZED

    def subscribe(self, *filters: str) -> None:
        """Ask for topics; whether anything comes is another matter."""
        self._subscribed.clear()
        self._client.subscribe([(one, 0) for one in filters])
        assert self._subscribed.wait(WAIT_S)
