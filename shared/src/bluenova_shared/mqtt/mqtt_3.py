"""Finds out whether a server that does not accept MQTT 5 answers to MQTT 3.1.1."""

import contextlib
import socket

from bluenova_shared.mqtt.broker import Broker

# The first words of a client of MQTT 3.1.1, with a clean session and a keep-alive of 10 s. It has
# neither a name nor an account: a refusal tells as much, and no password is sent.
_CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00"
# The answer's first two bytes: two more follow, which accept or refuse.
CONNACK = b"\x20\x02"
_DISCONNECT = b"\xe0\x00"
_TIMEOUT_S = 3.0


def answers_mqtt_3(broker: Broker, timeout_s: float = _TIMEOUT_S) -> bool:
    """Whether the broker answers to MQTT 3.1.1; blocks, with `timeout_s` for each step."""
    return answer_to_mqtt_3(broker, timeout_s) == CONNACK


def answer_to_mqtt_3(broker: Broker, timeout_s: float = _TIMEOUT_S) -> bytes:
    """The first two bytes of its answer to a client of MQTT 3.1.1, who leaves at once.

    They are CONNACK if it knows that, and none if there is no answer. Blocks.
    """
    with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
        connection: socket.socket = stack.enter_context(
            socket.create_connection((broker.host, broker.port), timeout_s)
        )
        if broker.tls is not None:
            connection = stack.enter_context(
                broker.tls.wrap_socket(connection, server_hostname=broker.host)
            )
        connection.sendall(_CONNECT)
        answer = stack.enter_context(connection.makefile("rb")).read(len(CONNACK))
        if answer == CONNACK:
            with contextlib.suppress(OSError):
                connection.sendall(_DISCONNECT)
        return answer
    return b""
