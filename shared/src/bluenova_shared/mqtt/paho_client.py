"""A client of the MQTT library, made from who we are and what the broker can do."""

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bluenova_shared.mqtt.broker import Abilities, Broker, Client


def new_client(broker: Broker, client: Client, abilities: Abilities) -> paho.Client:
    """Returns a client for one connection, with our account and our will, not yet connected."""
    new = paho.Client(
        CallbackAPIVersion.VERSION2,
        client.id,
        protocol=paho.MQTTv5,
        reconnect_on_failure=False,
    )
    if broker.username is not None:
        new.username_pw_set(broker.username, broker.password)
    if broker.tls is not None:
        new.tls_set_context(broker.tls)
    if (will := client.will) is not None:
        properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]  # paho forgot
        properties.WillDelayInterval = will.delay_s
        qos, retain = abilities.reduce(will.message)
        new.will_set(will.message.topic, will.message.payload, qos, retain, properties)
    return new
