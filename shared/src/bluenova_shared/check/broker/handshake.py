"""What answers at the broker's port, if it does not answer as a broker that we can use."""

import contextlib
import secrets
import socket
import ssl

from bluenova_shared.mqtt.broker import Broker

WITHIN_S = 3.0

# A CONNECT of MQTT 3.1.1, who wants no session, up to the client's name of 8 bytes; a farewell.
_CONNECT_3 = b"\x10\x14\x00\x04MQTT\x04\x02\x00\x14\x00\x08"
_DISCONNECT = b"\xe0\x00"
# The beginning of each answer to such a CONNECT, a refusal, too.
MQTT_3 = b"\x20\x02"


def speaks_tls(host: str, port: int) -> bool:
    """Whether TLS is spoken there, with whatever certificate: nothing is sent over it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with contextlib.suppress(OSError), _connect(host, port) as bare:
        try:
            context.wrap_socket(bare, server_hostname=host).close()
        except ssl.SSLError as error:
            # Only who speaks TLS sends an alert: that it wants our certificate, say.
            return "alert" in str(error).lower()
        return True
    return False


def answer_to_mqtt_3(broker: Broker) -> bytes:
    """The first bytes with which it answers a client of MQTT 3.1.1, who leaves at once.

    They are MQTT_3 if it knows that, and none if there is no answer.
    """
    with contextlib.suppress(OSError), _connect(broker.host, broker.port) as bare:
        tls = broker.tls
        stream = bare if tls is None else tls.wrap_socket(bare, server_hostname=broker.host)
        with stream:
            stream.sendall(_CONNECT_3 + secrets.token_hex(4).encode())
            answer = stream.recv(len(MQTT_3))
            with contextlib.suppress(OSError):
                stream.sendall(_DISCONNECT)
        return answer
    return b""


def _connect(host: str, port: int) -> socket.socket:
    return socket.create_connection((host, port), timeout=WITHIN_S)
