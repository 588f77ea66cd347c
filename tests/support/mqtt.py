"""A client of a broker, connected within a `with` block."""

from typing import Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion


class MqttClient:
    """Speaks MQTT 5 from a thread of its own; `client` is paho's, set up before the block begins.

    Raises OSError if nobody listens.
    """

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)

    def __enter__(self) -> Self:
        self.client.connect(*self._address)
        self.client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()
