"""A stranger's MQTT client: what the broker lets it do."""

import queue
import ssl
import threading
from typing import Self

from paho.mqtt.reasoncodes import ReasonCode
from tests.support.mqtt import MqttClient

NOT_AUTHORIZED = 0x87
WAIT_S = 10.0


class Refused(Exception):  # noqa: N818  # it is the expected outcome of half of the tests
    """The broker does not let this account in."""


class Client(MqttClient):
    """Connected within a `with` block; raises Refused, or OSError if nobody answers in MQTT."""

    def __init__(
        self, port: int, user: str | None, password: str | None, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__("127.0.0.1", port)
        self._acknowledged: queue.Queue[ReasonCode] = queue.Queue()
        self._connected: queue.Queue[ReasonCode] = queue.Queue()
        self._subscribed = threading.Event()
        self.topics: list[str] = []
        self.client.on_connect = lambda _c, _u, _f, reason, _p: self._connected.put(reason)
        self.client.on_publish = lambda _c, _u, _m, reason, _p: self._acknowledged.put(reason)
        self.client.on_subscribe = lambda _c, _u, _m, _r, _p: self._subscribed.set()
        self.client.on_message = lambda _c, _u, message: self.topics.append(message.topic)
        if user is not None:
            self.client.username_pw_set(user, password)
        if tls is not None:
            self.client.tls_set_context(tls)

    def __enter__(self) -> Self:
        """Connect."""
        super().__enter__()
        try:
            reason = self._connected.get(timeout=WAIT_S)
        except queue.Empty:
            self.__exit__(None, None, None)
            raise ConnectionError("no answer in MQTT") from None
        if reason.is_failure:
            self.__exit__(None, None, None)
            raise Refused(str(reason))
        return self

    def may_publish(self, topic: str, payload: str = "probe", *, retain: bool = False) -> bool:
        """Publish, and say whether the broker took it."""
        self.client.publish(topic, payload, qos=1, retain=retain)
        return int(self._acknowledged.get(timeout=WAIT_S).value) != NOT_AUTHORIZED

    def subscribe(self, *filters: str) -> None:
        """Ask for topics; whether anything comes is another matter."""
        self._subscribed.clear()
        self.client.subscribe([(one, 0) for one in filters])
        assert self._subscribed.wait(WAIT_S)
