"""Whether the broker lets us in, and what is the matter if it does not."""

from bluenova_shared.check.broker.handshake import speaks_tls
from bluenova_shared.check.broker.probe import NoAnswer, Probe, Refused
from bluenova_shared.check.result import Findings
from bluenova_shared.mqtt.broker import Broker
from bluenova_shared.mqtt.mqtt_3 import CONNACK, answer_to_mqtt_3

ACCOUNT, PROTOCOL = "broker account", "broker protocol"
NAMES = (PROTOCOL, ACCOUNT)

# MQTT's reason codes.
_VERSION, _ACCOUNT = (0x84, 0x01), (0x86, 0x87)
_NO_MQTT_5 = (
    "Use a broker that knows MQTT 5: docs/brokers.md names some. The one of docker-compose.yml "
    "does: docker compose up -d mosquitto"
)


def look_at_account(findings: Findings, broker: Broker) -> Probe | None:
    """Adds what NAMES says; returns the open connection if we are let in. Blocks."""
    probe = Probe(broker)
    try:
        probe.open()
    except Refused as refused:
        _note_refusal(findings, broker, refused)
        return None
    except NoAnswer as none:
        _note_silence(findings, broker, str(none))
        return None
    findings.ok(PROTOCOL, "MQTT 5")
    name = broker.username
    findings.ok(ACCOUNT, f"let in as {name}" if name else "let in without an account")
    return probe


def _note_refusal(findings: Findings, broker: Broker, refused: Refused) -> None:
    if refused.code in _VERSION:
        findings.wrong(PROTOCOL, f"the broker does not know MQTT 5 ({refused})", _NO_MQTT_5)
        return
    findings.ok(PROTOCOL, "MQTT 5")
    who = f"{broker.username}, with this password" if broker.username else "nobody without account"
    if refused.code in _ACCOUNT:
        name = broker.username or "collector"
        findings.wrong(
            ACCOUNT,
            f"the broker does not let in: {who} ({refused})",
            "Set MQTT_USERNAME and MQTT_PASSWORD_FILE to an account of the broker's. With "
            f"docker-compose.yml: docker compose run --rm secrets renew {name} && docker compose "
            f"restart mosquitto {name}",
        )
    else:
        findings.wrong(
            ACCOUNT,
            f"the broker does not let us in: {refused}",
            "See the broker's log: docker compose logs mosquitto",
        )


def _note_silence(findings: Findings, broker: Broker, why: str) -> None:
    """Nothing of MQTT 5 came: finds out what it is that answers there."""
    if broker.tls is None and speaks_tls(broker.host, broker.port):
        findings.wrong(
            PROTOCOL,
            "this port speaks TLS, and MQTT_TLS is false",
            "Set MQTT_TLS=true (and MQTT_TLS_CA, if the broker's authority is your own), or "
            "MQTT_PORT to the port in clear, often 1883",
        )
        return
    answer = answer_to_mqtt_3(broker)
    if answer == CONNACK:
        findings.wrong(PROTOCOL, "the broker knows MQTT 3.1.1 alone, not MQTT 5", _NO_MQTT_5)
    elif answer:
        findings.wrong(
            PROTOCOL,
            f"what answers at {broker} is no MQTT broker",
            "Set MQTT_PORT to the broker's port for MQTT over TCP, often 1883: not that for "
            "websockets or for its page",
        )
    else:
        client = "; or it wants a certificate of ours: set MQTT_TLS_CERT and MQTT_TLS_KEY"
        findings.wrong(
            PROTOCOL,
            f"no answer in MQTT 5: {why}",
            "Set MQTT_PORT to the broker's port, often 1883, if another service has this one. "
            "A broker that hangs: docker compose restart mosquitto; its log: docker compose logs "
            "mosquitto" + (client if broker.tls else ""),
        )
