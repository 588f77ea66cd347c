"""Why a connection to the broker ended or did not come about, and what to do. Pure."""

import ssl

# The port is not spoken to as it wants.
_NOT_IN_CLEAR = (
    "it ended the connection before accepting us. Perhaps it wants TLS (set MQTT_TLS=true), or "
    "another protocol has this port, or it does not know MQTT 5"
)
_OTHER_PROTOCOL = (
    "Protocol error: what answers is not MQTT. Perhaps MQTT_PORT is a port for websockets or HTTP, "
    "or one that wants TLS (set MQTT_TLS=true)"
)
_NO_TLS = "perhaps this port does not speak TLS: set MQTT_TLS=false, or MQTT_PORT, often 8883"
_NO_MQTT_5 = "the broker must know MQTT 5, as Mosquitto does since 1.6"
_ANOTHER_CLIENT = (
    "perhaps another client uses the same name: two collectors with copies of one outbox"
)
_UNTRUSTED = "set MQTT_TLS_CA to the file with the authority that signed the broker's certificate"


def of_end(reason: str, *, accepted: bool, is_protocol_error: bool) -> str:
    """Why a connection ended without a word of the broker's; `reason` is the library's."""
    if is_protocol_error:
        return reason if accepted else _OTHER_PROTOCOL
    if not accepted:
        return _NOT_IN_CLEAR
    return "the connection was lost"


def of_refusal(reason: str) -> str:
    """Why the broker did not accept us, in its own words."""
    return f"refused: {reason}" + (f": {_NO_MQTT_5}" if "protocol version" in reason else "")


def of_farewell(reason: str) -> str:
    """Why the broker ended the connection, in its own words."""
    return f"closed by the broker: {reason}" + (
        f": {_ANOTHER_CLIENT}" if "taken over" in reason else ""
    )


def of_silence(topic: str) -> str:
    """Why we ended a connection that had lost the broker's answers."""
    return (
        f"it answers pings, but never confirmed what we sent about {topic}: it may have dropped "
        "that answer (max_queued_messages)"
    )


def of_error(error: Exception, *, tls: bool) -> str:
    """Why there was no connection."""
    reason = str(error) or type(error).__name__
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{reason}: {_UNTRUSTED}"
    if isinstance(error, ssl.SSLError) or (tls and isinstance(error, ConnectionResetError)):
        return f"{reason}: {_NO_TLS}"
    return reason


def of_short_ones(trouble: str) -> str:
    """Why one short connection after the other ended."""
    return trouble if _ANOTHER_CLIENT in trouble else f"{trouble}; {_ANOTHER_CLIENT}"
