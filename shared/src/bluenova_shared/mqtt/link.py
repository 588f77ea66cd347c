"""The link to the MQTT broker: paho in a thread of its own, everything else in asyncio's.

Each connection gets a new paho client. So nothing that was published over a lost connection is
delivered late over the next one (paho keeps QoS 1 messages), a client that broke in any way is left
behind, and the end of its thread is the end of the connection, whatever the reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from bluenova_shared.message import Message
from bluenova_shared.mqtt.inbox import Inbox

log = logging.getLogger(__name__)

KEEPALIVE_S = 20
# Longer packets the broker is to keep to itself: nothing of ours is longer than a backlog's chunk.
MAX_PACKET_BYTES = 192 * 1024
# What a packet has besides its payload: a header, and a topic of ours with an arbitrary prefix.
OVERHEAD_BYTES = 512
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
# A connection that lasts less counts as a failed attempt, so that two clients with one name, who
# throw each other out, do so ever more slowly.
SHORT_CONNECTION_S = 10.0
# MQTT's reason codes for a will that the broker cannot take.
_NO_RETAIN, _LESS_QOS = 0x9A, 0x9B
_WITH_WILL = ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message")


@dataclass(frozen=True)
class Broker:
    """Where the broker is, and who we are to it; `tls` None means in clear."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Will:
    """What the broker publishes when the connection has been lost for `delay_s`."""

    message: Message
    delay_s: int


class MqttLink:
    """A connection to the broker that is made again for ever, with growing pauses.

    `subscriptions` are (topic filter, QoS), made anew at each connection while it is `listening`.
    `on_connected` is called, in the loop's thread, each time the broker has accepted us, `on_lost`
    when that connection has ended. With `session_s` the broker keeps the session so long after a
    loss, so that it holds a Will back when we return in time. To a broker that can do less, less is
    sent: without retaining, or with QoS 0.
    """

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        *,
        subscriptions: Sequence[tuple[str, int]] = (),
        will: Will | None = None,
        session_s: int = 0,
        on_connected: Callable[[], None] = lambda: None,
        on_lost: Callable[[], None] = lambda: None,
        listening: bool = True,
    ) -> None:
        self.broker = broker
        self.inbox = Inbox()
        self._max_packet: int | None = None
        self._max_qos = 2
        self._may_retain = True
        self.connected = False
        self.away_since_s: float | None = time.monotonic()  # by the steady clock; None: connected
        self._client_id = client_id
        self._subscriptions = subscriptions
        self._will = will
        self._session_s = session_s
        self._on_connected = on_connected
        self._on_lost = on_lost
        self._listening = listening
        self._loop = asyncio.get_running_loop()
        self._client: paho.Client | None = None
        self.refused: set[str] = set()  # topics to which this connection may not publish
        self.trouble = ""  # why the last connection ended, or never came about
        self._said = ""
        self._said_too_long = False
        self._unacknowledged: dict[int, str] = {}  # topics by message
        self._leaving = False

    def longest_payload(self) -> int | None:
        """How many bytes the broker takes in one payload, with room for what stands around it.

        None where it names no limit.
        """
        return None if self._max_packet is None else max(0, self._max_packet - OVERHEAD_BYTES)

    def publish(self, message: Message) -> bool:
        """Hands a message over to the broker's connection.

        False, and nothing done, where there is none or its limit is shorter than the message.
        """
        if not self.connected or self._client is None:
            return False
        longest = self.longest_payload()
        if longest is not None and len(message.payload) > longest:
            self._say_too_long(message, longest)
            return False  # it would end the connection, and again each time that it is sent
        qos, retain = self._allowed(message)
        info = self._client.publish(message.topic, message.payload, qos, retain)
        if info.rc != paho.MQTT_ERR_SUCCESS:
            return False
        self._unacknowledged[info.mid] = message.topic
        return True

    def _allowed(self, message: Message) -> tuple[int, bool]:
        return min(message.qos, self._max_qos), message.retain and self._may_retain

    def listen(self, wanted: bool) -> None:
        """Subscribes, now and at each connection, or no more."""
        if wanted is self._listening:
            return
        self._listening = wanted
        if self.connected and self._client is not None:
            if wanted:
                self._subscribe(self._client)
            else:
                self._client.unsubscribe([topic_filter for topic_filter, _ in self._subscriptions])

    async def run(self) -> None:
        """Keeps the connection up until cancelled."""
        pause_s = FIRST_PAUSE_S
        while True:
            began_s = time.monotonic()
            await self._one_connection()
            if time.monotonic() - began_s >= SHORT_CONNECTION_S:
                pause_s = FIRST_PAUSE_S
            await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311  # spreads the clients, no secret
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def close(self, timeout_s: float = 2.0) -> bool:
        """Waits until what was published is acknowledged, within bounds, and takes leave.

        True where all of it was.
        """
        deadline_s = time.monotonic() + timeout_s
        while self.connected and time.monotonic() < deadline_s:
            if not self._unacknowledged:
                break
            await asyncio.sleep(0.01)
        done = self.connected and not self._unacknowledged
        self._leaving = True
        if self.connected and self._client is not None:
            self._client.disconnect()
        return done

    async def _one_connection(self) -> None:
        ended = asyncio.Event()
        client = self._client = self._new_client()
        self.trouble = "the connection was lost"

        def connect_and_serve() -> None:
            try:
                client.connect(
                    self.broker.host,
                    self.broker.port,
                    keepalive=KEEPALIVE_S,
                    clean_start=self._session_s == 0,
                    properties=self._connect_properties(),
                )
                client.loop_forever()
            except Exception as error:  # whatever it was, the connection is over
                self.trouble = str(error) or type(error).__name__
            finally:
                if not self._loop.is_closed():
                    self._loop.call_soon_threadsafe(ended.set)

        # A daemon: a look-up of the host's name that hangs must not hold up the end of the program.
        threading.Thread(target=connect_and_serve, name="mqtt", daemon=True).start()
        try:
            await ended.wait()
        finally:
            was_connected, self.connected = self.connected, False
            self._unacknowledged.clear()
            if was_connected:
                self.away_since_s = time.monotonic()
                self._on_lost()
            if not self._leaving:
                client.disconnect(_WITH_WILL)  # without a farewell, the will is to be heard
        self._say_lost(was_connected)

    def _new_client(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            self._client_id,
            protocol=paho.MQTTv5,
            reconnect_on_failure=False,
        )
        if self.broker.username is not None:
            client.username_pw_set(self.broker.username, self.broker.password)
        if self.broker.tls is not None:
            client.tls_set_context(self.broker.tls)
        if self._will is not None:
            properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]  # paho forgot
            properties.WillDelayInterval = self._will.delay_s
            message = self._will.message
            qos, retain = self._allowed(message)
            client.will_set(message.topic, message.payload, qos, retain, properties)
        # These five run in paho's thread. An exception there would end it with the link looking
        # alive, so they do next to nothing.
        client.on_connect = self._heard_connack
        client.on_subscribe = self._heard_suback
        client.on_disconnect = self._heard_disconnect
        client.on_message = self._heard_message
        client.on_publish = self._heard_puback
        return client

    def _connect_properties(self) -> Properties:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho forgot
        properties.SessionExpiryInterval = self._session_s
        properties.MaximumPacketSize = MAX_PACKET_BYTES
        return properties

    def _heard_connack(
        self,
        client: paho.Client,
        _userdata: object,
        _flags: object,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self.trouble = f"refused: {reason}"
            # The next attempt is made with a will that the broker can take.
            self._may_retain = self._may_retain and reason.value != _NO_RETAIN
            self._max_qos = 0 if reason.value == _LESS_QOS else self._max_qos
        else:
            self._loop.call_soon_threadsafe(self._accepted, client, properties)

    def _heard_disconnect(
        self,
        _client: paho.Client,
        _userdata: object,
        flags: paho.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self.trouble = f"closed by the broker: {reason}"

    def _heard_suback(
        self,
        _client: paho.Client,
        _userdata: object,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        for (topic_filter, _), reason in zip(self._subscriptions, reasons, strict=False):
            if reason.is_failure:
                log.error("The broker refuses the subscription to %s: %s", topic_filter, reason)

    def _heard_message(
        self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage
    ) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return  # no topic of ours
        self.inbox.put(Message(topic, bytes(message.payload), message.qos, message.retain))

    def _heard_puback(
        self,
        client: paho.Client,
        _userdata: object,
        number: int,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        """Of messages with QoS 0, too, as soon as they are sent."""
        with contextlib.suppress(RuntimeError):  # the loop may have been closed
            self._loop.call_soon_threadsafe(self._acknowledged, client, number, reason)

    def _acknowledged(self, client: paho.Client, number: int, reason: ReasonCode) -> None:
        if client is not self._client:
            return
        topic = self._unacknowledged.pop(number, "")
        if reason.is_failure and topic not in self.refused:
            self.refused.add(topic)
            log.error("The broker refuses what we publish on %s (%s)", topic, reason)

    def _accepted(self, client: paho.Client, properties: Properties | None) -> None:
        if client is not self._client or self._leaving:
            return  # a connection given up in the meantime
        self._max_packet = getattr(properties, "MaximumPacketSize", None)
        self._max_qos = getattr(properties, "MaximumQoS", 2)
        self._may_retain = bool(getattr(properties, "RetainAvailable", True))
        self._said_too_long = False
        self.refused.clear()
        self.connected = True
        self.away_since_s = None
        self._said = ""
        log.info("Connected to the MQTT broker at %s", self.broker)
        if self._listening:
            self._subscribe(client)
        self._on_connected()

    def _subscribe(self, client: paho.Client) -> None:
        if self._subscriptions:
            client.subscribe([(f, SubscribeOptions(qos)) for f, qos in self._subscriptions])

    def _say_too_long(self, message: Message, longest: int) -> None:
        """Once for each connection."""
        if not self._said_too_long:
            log.error(
                "The broker takes no more than %d bytes: %s with its %d does not go out. "
                "Raise the broker's max_packet_size",
                *(longest, message.topic, len(message.payload)),
            )
        self._said_too_long = True

    def _say_lost(self, was_connected: bool) -> None:
        """One line per change: the same reason again is not told again."""
        if was_connected:
            log.warning("Lost the MQTT broker at %s (%s); trying again", self.broker, self.trouble)
        elif self.trouble != self._said:
            log.warning("No MQTT broker at %s (%s); trying again", self.broker, self.trouble)
        self._said = self.trouble
