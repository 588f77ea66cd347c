"""Why a connection to the broker ended or did not come about, and what to do. Pure."""

import ssl

# The port is not spoken to as it wants.
_NOT_IN_CLEAR = (
    "it ended the connection before accepting us. Perhaps it wants TLS (set MQTT_TLS=true), or "
    "another protocol has this port, or it does not know MQTT 5"
)
_NO_ANSWER = (
    "it took our connection, but never answered. Perhaps it hangs, or another protocol has this "
    "port, or it does not know MQTT 5"
)
_OTHER_PROTOCOL = (
    "Protocol error: what answers is not MQTT. Perhaps MQTT_PORT is a port for websockets or HTTP, "
    "or one that wants TLS (set MQTT_TLS=true)"
)
_NO_TLS = "perhaps this port does not speak TLS: set MQTT_TLS=false, or MQTT_PORT, often 8883"
# What to do about a broker of MQTT 3.1.1 alone.
MUST_KNOW_MQTT_5 = (
    "the broker must know MQTT 5, as Mosquitto does since 1.6; docs/brokers.md names others"
)
_ANOTHER_CLIENT = (
    "perhaps another client uses the same name: two collectors with copies of one outbox"
)
_UNTRUSTED = "set MQTT_TLS_CA to the file with the authority that signed the broker's certificate"


def of_end(reason: str, *, is_protocol_error: bool) -> str:
    """Why a connection ended without a word of the broker's; `reason` is the library's."""
    return reason if is_protocol_error else "the connection was lost"


def of_no_acceptance(
    *, answers_mqtt_3: bool, is_protocol_error: bool = False, is_silence: bool = False
) -> str:
    """Why a connection ended that was neither accepted nor refused."""
    if answers_mqtt_3:
        return f"it answers to MQTT 3.1.1, but not to MQTT 5: {MUST_KNOW_MQTT_5}"
    if is_protocol_error:
        return _OTHER_PROTOCOL
    return _NO_ANSWER if is_silence else _NOT_IN_CLEAR


def of_refusal(reason: str) -> str:
    """Why the broker did not accept us, in its own words."""
    return f"refused: {reason}" + (f": {MUST_KNOW_MQTT_5}" if "protocol version" in reason else "")


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
