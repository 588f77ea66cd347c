"""Whether the broker's port speaks TLS as the settings want it, and for how long still."""

import socket
import ssl

from bluenova_shared.check.result import Findings, ago
from bluenova_shared.mqtt.broker import Broker

NAME = "broker TLS"
WITHIN_S = 4.0
# A certificate that ends so soon should be renewed.
SOON_S = 14 * 86400.0

_MISMATCH, _EXPIRED, _NOT_YET = 62, 10, 9  # OpenSSL's own numbers (X509_V_ERR_…)


def look_at_tls(findings: Findings, broker: Broker, wall_s: float) -> bool:
    """Adds `broker TLS`; false if it is wrong. Blocks."""
    if broker.tls is None:
        findings.ok(NAME, "in clear, as MQTT_TLS is false")
        return True
    try:
        bare = socket.create_connection((broker.host, broker.port), timeout=WITHIN_S)
        with bare, broker.tls.wrap_socket(bare, server_hostname=broker.host) as stream:
            spoken, certificate = stream.version(), stream.getpeercert()
    except ssl.SSLCertVerificationError as error:
        findings.wrong(
            NAME, f"its certificate is not trusted: {error.verify_message}", _cure(error)
        )
        return False
    except TimeoutError:
        # Nothing that is no TLS came either: to switch TLS off would only show the password.
        findings.wrong(
            NAME,
            f"no answer within {WITHIN_S:g} s",
            "The broker may hang: docker compose restart mosquitto. Or another service has this "
            "port: set MQTT_PORT to the broker's port for TLS, often 8883",
        )
        return False
    except OSError as error:
        findings.wrong(
            NAME,
            f"the port does not speak TLS ({error})",
            "Set MQTT_TLS=false, or MQTT_PORT to the broker's port for TLS, often 8883",
        )
        return False
    ends = str((certificate or {}).get("notAfter", ""))
    left_s = ssl.cert_time_to_seconds(ends) - wall_s if ends else SOON_S
    if left_s < SOON_S:
        findings.warning(
            NAME,
            f"{spoken}; the broker's certificate ends in {ago(left_s)}",
            "Renew server.crt and server.key; then: docker compose up -d && docker compose "
            "restart mosquitto",
        )
    else:
        findings.ok(NAME, f"{spoken}; the broker's certificate is good for {ago(left_s)}")
    return True


def _cure(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code in (_EXPIRED, _NOT_YET):
        return (
            "Renew the broker's certificate, if this machine's clock is right (see: clock); "
            "docs/operations.md tells how: TLS"
        )
    if error.verify_code == _MISMATCH or "mismatch" in error.verify_message.lower():
        return (
            "Set MQTT_HOST to a name or an address that is in the broker's certificate, or make "
            "one that has it: docs/operations.md tells how: TLS"
        )
    return "Set MQTT_TLS_CA to the file with the authority that signed the broker's certificate"
