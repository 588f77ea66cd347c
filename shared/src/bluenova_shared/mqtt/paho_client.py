"""A client of the MQTT library, made from who we are and what the broker can do."""

import contextlib
import threading
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bluenova_shared.message import Message
from bluenova_shared.mqtt.broker import Abilities, Broker, Client
from bluenova_shared.mqtt.buffered import Buffering, Heard

# The broker is to send us no longer packets: the longest of ours is a chunk of the backlog.
MAX_PACKET_BYTES = 192 * 1024


class _Client(paho.Client):
    """paho's client, in which only one thread at a time writes.

    What we publish is written in our thread, and the acknowledgement of what comes in paho's. paho
    lets both write at once: one packet got into the middle of the other, and the broker ended the
    connection. With TLS, which takes 16 KB at a time, that was several times a second under load.
    """

    def __init__(self, *about: Any, **more: Any) -> None:
        super().__init__(*about, **more)
        self._writing = threading.RLock()

    def loop_write(self) -> MQTTErrorCode:
        """Writes what is to be written, as far as it can be at once."""
        with self._writing:
            return super().loop_write()


def new_client(broker: Broker, client: Client, abilities: Abilities, heard: Heard) -> paho.Client:
    """Returns a client for one connection, with our account and our will, not yet connected.

    Each message that comes is `heard`, in the thread that reads.
    """
    new = _Client(
        CallbackAPIVersion.VERSION2,
        client.id,
        protocol=paho.MQTTv5,
        reconnect_on_failure=False,
    )
    if broker.username is not None:
        new.username_pw_set(broker.username, broker.password)
    new.on_message = lambda _c, _u, came: _hear(came, heard)
    new.tls_set_context(Buffering(broker.tls, heard))  # type: ignore[arg-type]  # all that it needs of one
    if (will := client.will) is not None:
        properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]  # paho forgot
        properties.WillDelayInterval = will.delay_s
        qos, retain = abilities.reduce(will.message)
        new.will_set(will.message.topic, will.message.payload, qos, retain, properties)
    return new


def _hear(came: paho.MQTTMessage, heard: Heard) -> None:
    with contextlib.suppress(UnicodeDecodeError):  # not one of our topics
        heard(Message(came.topic, bytes(came.payload), came.qos, came.retain))


def connect(new: paho.Client, broker: Broker, client: Client) -> None:
    """Connects, and asks to be accepted. Blocks; raises OSError and others if nobody is there."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho forgot
    properties.SessionExpiryInterval = client.session_s
    properties.MaximumPacketSize = MAX_PACKET_BYTES
    new.connect(
        broker.host,
        broker.port,
        keepalive=client.keepalive_s,
        clean_start=client.session_s == 0,
        properties=properties,
    )


def abilities_in(properties: Properties | None) -> Abilities:
    """What a broker says of itself as it accepts us."""
    return Abilities(
        getattr(properties, "MaximumPacketSize", None),
        getattr(properties, "MaximumQoS", 2),
        bool(getattr(properties, "RetainAvailable", True)),
    )
