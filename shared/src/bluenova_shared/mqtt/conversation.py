"""What paho's thread does from a connection's first packet to its last."""

import select
from collections.abc import Callable

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode

from bluenova_shared.mqtt.buffered import BufferedSocket

# paho looks after pings, and after what could not be written at once, so often at least.
WAIT_S = 1.0
# So many packets are read before that, and as many buffers of plain messages at most, whatever else
# has come: a flood must not keep it waiting.
MOST_AT_ONCE = 100


def converse(client: paho.Client, rest: Callable[[], None]) -> MQTTErrorCode:
    """Reads and writes until the connection has ended; returns paho's word for why.

    Calls `rest` after all packets are read that came together. paho's own loop asks the system
    anew before each packet.
    """
    rc = paho.MQTT_ERR_SUCCESS
    while rc == paho.MQTT_ERR_SUCCESS:
        sock = client.socket()
        if not isinstance(sock, BufferedSocket):  # closed in another thread
            return paho.MQTT_ERR_NO_CONN
        to_write = [sock] if client.want_write() else []
        has_more = sock.pending() > 0
        try:
            readable, writable, _ = select.select([sock], to_write, [], 0 if has_more else WAIT_S)
        except (OSError, ValueError):  # closed meanwhile
            return paho.MQTT_ERR_CONN_LOST
        if readable or has_more:
            rc = _read(client, sock)
            rest()
        if writable and rc == paho.MQTT_ERR_SUCCESS:
            rc = client.loop_write()
        if rc == paho.MQTT_ERR_SUCCESS:
            rc = client.loop_misc()
    return rc


def _read(client: paho.Client, sock: BufferedSocket) -> MQTTErrorCode:
    for _ in range(MOST_AT_ONCE):
        rc = client.loop_read()
        if rc != paho.MQTT_ERR_SUCCESS or not sock.pending():
            return rc
    return paho.MQTT_ERR_SUCCESS
