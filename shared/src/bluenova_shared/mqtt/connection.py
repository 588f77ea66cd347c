"""One connection to the broker: paho in a thread of its own, everything else in asyncio's.

Each connection has a new paho client. So nothing that was published over a lost connection is
delivered late over the next one (paho keeps QoS 1 messages), a client that broke in any way is left
behind, and the end of its thread is the end of the connection, whatever the reason.
"""

import asyncio
import contextlib
import dataclasses
import logging
import threading
from collections.abc import Callable, Sequence

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from bluenova_shared.message import Message
from bluenova_shared.mqtt import troubles
from bluenova_shared.mqtt.acknowledgements import Acknowledgements
from bluenova_shared.mqtt.broker import Abilities, Broker, Client
from bluenova_shared.mqtt.conversation import converse
from bluenova_shared.mqtt.events import Connected, NoBroker, Published, Sent, TooLong
from bluenova_shared.mqtt.inbox import Inbox
from bluenova_shared.mqtt.mqtt_3 import answers_mqtt_3
from bluenova_shared.mqtt.paho_client import abilities_in, connect, new_client
from bluenova_shared.mqtt.subscriptions import Subscription, Subscriptions

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
# MQTT's reason codes: paho's for a silent broker, and two for a will that a broker cannot take.
_KEEPALIVE_TIMEOUT = 0x8D
_NO_RETAIN, _LESS_QOS = 0x9A, 0x9B
_WITH_WILL = ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message")


class Connection:
    """One connection's life. `abilities` is what is known of the broker, now and at its end."""

    def __init__(
        self, broker: Broker, client: Client, inbox: Inbox, abilities: Abilities, *, listening: bool
    ) -> None:
        self.abilities = abilities
        self.accepted = False
        self.trouble = ""  # why it ended, or never came about
        self.refused: set[str] = set()  # topics on which we may not publish
        # A broker that answers pings, and no message, has lost its answers.
        self._acknowledgements = Acknowledgements(patience=2 * client.keepalive_s)
        self._subscriptions = Subscriptions(client.subscriptions, client.optional)
        self._broker = broker
        self._client = client
        self._inbox = inbox
        self._listening = listening
        self._leaving = False
        self._said: set[str] = set()  # the subscriptions whose refusal was said
        self._got_connack = False  # known in paho's thread, before `accepted` is
        self._is_silent = False
        self._came: list[Message] = []  # in paho's thread
        self._loop = asyncio.get_running_loop()
        self._our_thread = threading.get_ident()
        self._paho = self._new_paho()

    async def run(self) -> None:
        """Connects, and returns when the connection has ended. Cancelled, it leaves the will."""
        ended = asyncio.Event()
        # A daemon: a look-up of the host's name that hangs must not hold up the end of the program.
        threading.Thread(target=self._serve, args=(ended,), name="mqtt", daemon=True).start()
        try:
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await ended.wait()
                self._look()
        finally:
            if not self._leaving:
                self._leaving = True
                self._paho.disconnect(_WITH_WILL)  # without a farewell, the will is to be heard

    def publish(self, message: Message) -> Published:
        """Sends a message, if the broker takes it."""
        if not self.accepted or self._leaving:
            return NoBroker()
        payload = message.payload
        payload = payload.encode() if isinstance(payload, str) else payload
        longest = self.abilities.longest_payload(message.topic)
        if longest is not None and len(payload) > longest:
            return TooLong(longest)
        qos, retain = self.abilities.reduce(message)
        info = self._paho.publish(message.topic, payload, qos, retain)
        if info.rc != paho.MQTT_ERR_SUCCESS:
            return NoBroker()
        if qos > 0 or not info.is_published():
            self._acknowledgements.sent(info.mid, message.topic, qos)
        return Sent()

    def listen(self, wanted: bool) -> None:
        """Subscribes, or no more; before it is accepted, when it is."""
        self._listening, before = wanted, self._listening
        if not self.accepted or wanted is before:
            return
        if wanted:
            self._subscribe(self._subscriptions.begin())
        else:
            self._paho.unsubscribe(self._subscriptions.filters)

    def hear(self, more: Sequence[Subscription]) -> None:
        """Subscribes to these, too: what is published after this call finds us listening."""
        self._subscriptions.add(more)
        if self.accepted and self._listening:
            self._subscribe(more)

    @property
    def all_acknowledged(self) -> bool:
        """Whether the broker has acknowledged all that was published."""
        return self.accepted and self._acknowledgements.all_came

    @property
    def hears(self) -> bool:
        """Whether what we need to hear comes: the broker has granted our subscriptions."""
        return self.accepted and self._listening and self._subscriptions.are_granted

    @property
    def unacknowledged(self) -> frozenset[str]:
        """The topics of what was sent at QoS 1, as long as the broker has not acknowledged it."""
        return self._acknowledgements.missing

    def leave(self) -> None:
        """Takes leave: the will is not to be heard."""
        self._leaving = True
        self._paho.disconnect()

    def _subscribe(self, wanted: Sequence[Subscription]) -> None:
        # A packet for each: if two shared subscriptions come in one, HiveMQ CE may forget to send
        # what they hear (docs/brokers.md).
        for topic_filter, qos in wanted:
            _, number = self._paho.subscribe(topic_filter, options=SubscribeOptions(qos))
            if number is not None:
                self._subscriptions.asked(number, (topic_filter, qos))
                self._acknowledgements.sent(number, topic_filter, qos=1)

    def _look(self) -> None:
        """Once a second: asks again for what was refused, and ends what has lost its answers."""
        if not self.accepted or self._leaving:
            return
        if self._listening:
            self._subscribe(self._subscriptions.look())
        if (topic := self._acknowledgements.look()) is not None:
            self.trouble = troubles.of_silence(topic)
            self._paho.disconnect(_WITH_WILL)

    def _new_paho(self) -> paho.Client:
        client = new_client(self._broker, self._client, self.abilities, self._came.append)
        # These four run in paho's thread, or in ours if a publish fails. An exception in paho's
        # would end it with the link looking alive, so they do next to nothing.
        client.on_connect = lambda _c, _u, _f, reason, about: self._heard_connack(reason, about)
        client.on_subscribe = lambda _c, _u, n, why, _p: self._in_loop(self._answered, n, why)
        client.on_disconnect = lambda _c, _u, flags, reason, _p: self._heard_end(flags, reason)
        client.on_publish = lambda _c, _u, n, why, _p: self._heard_published(n, why)
        return client

    def _serve(self, ended: asyncio.Event) -> None:
        """Runs in the connection's own thread, from its first packet to its last."""
        try:
            connect(self._paho, self._broker, self._client)
            rc = converse(self._paho, self._deliver)
        except Exception as error:  # whatever it was, the connection is over
            self.trouble = troubles.of_error(error, tls=self._broker.tls is not None)
        else:
            self.trouble = self.trouble or self._why_it_ended(rc)
        finally:
            self._in_loop(ended.set)

    def _why_it_ended(self, rc: MQTTErrorCode) -> str:
        is_protocol_error = rc == paho.MQTT_ERR_PROTOCOL
        if self._got_connack or self._leaving:
            return troubles.of_end(paho.error_string(rc), is_protocol_error=is_protocol_error)
        return troubles.of_no_acceptance(
            answers_mqtt_3=answers_mqtt_3(self._broker),
            is_protocol_error=is_protocol_error,
            is_silence=self._is_silent,
        )

    def _in_loop(self, what: Callable[..., None], *about: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may have been closed
            self._loop.call_soon_threadsafe(what, *about)

    def _heard_connack(self, reason: ReasonCode, properties: Properties | None) -> None:
        if not reason.is_failure:
            self._got_connack = True
            self._in_loop(self._accept, properties)
            return
        self.trouble = troubles.of_refusal(str(reason))
        # The next attempt is made with a will that the broker can take.
        if reason.value == _NO_RETAIN:
            self.abilities = dataclasses.replace(self.abilities, retains=False)
        elif reason.value == _LESS_QOS:
            self.abilities = dataclasses.replace(self.abilities, most_qos=0)

    def _heard_end(self, flags: paho.DisconnectFlags, reason: ReasonCode) -> None:
        self._is_silent = reason.value == _KEEPALIVE_TIMEOUT
        if flags.is_disconnect_packet_from_server:
            self.trouble = troubles.of_farewell(str(reason))

    def _deliver(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._inbox.put(*self._came)
        self._came.clear()

    def _heard_published(self, number: int, reason: ReasonCode) -> None:
        # With QoS 0 a message counts as published when it is written, which our thread does if the
        # socket takes it at once.
        if threading.get_ident() == self._our_thread:
            self._acknowledge(number, reason)
        else:
            self._in_loop(self._acknowledge, number, reason)

    def _acknowledge(self, number: int, reason: ReasonCode) -> None:
        topic = self._acknowledgements.came(number)
        if reason.is_failure and topic not in self.refused:
            self.refused.add(topic)
            log.error("The broker refuses what we publish on %s (%s)", topic, reason)

    def _answered(self, number: int, reasons: list[ReasonCode]) -> None:
        self._acknowledgements.came(number)
        why = next((one for one in reasons if one.is_failure), None)
        refused = self._subscriptions.answered(number, is_refused=why is not None)
        if refused is not None and refused not in self._said:
            self._said.add(refused)
            log.error("The broker refuses the subscription to %s (%s); asking again", refused, why)

    def _accept(self, properties: Properties | None) -> None:
        if self._leaving:
            return  # a connection given up in the meantime
        self.abilities = abilities_in(properties)
        self.accepted = True
        log.info("Connected to the MQTT broker at %s", self._broker)
        if self._listening:
            self._subscribe(self._subscriptions.begin())
        self._inbox.put(Connected())
