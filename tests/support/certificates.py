"""Certificates for 127.0.0.1, and brokers that show them."""

import subprocess
from pathlib import Path

from bluenova_tools.local import Mosquitto


def make_certificate(folder: Path, name: str, days: int = 365) -> Path:
    """Makes `name`.key and `name`.crt, which is its own authority; returns the latter."""
    certificate = folder / f"{name}.crt"
    subprocess.run(
        f"openssl req -x509 -newkey rsa:2048 -nodes -days {days} -subj /CN=127.0.0.1 "
        f"-addext subjectAltName=IP:127.0.0.1 -keyout {folder}/{name}.key "
        f"-out {certificate}".split(),
        check=True,
        capture_output=True,
    )
    return certificate


def offer_tls(broker: Mosquitto, certificate: Path, port: int) -> None:
    """A further port of the broker, with TLS, from its next start on."""
    broker.config.append(f"listener {port} {broker.host}")
    for option, file in (("certfile", certificate), ("keyfile", certificate.with_suffix(".key"))):
        copy = broker.folder / file.name  # in a folder that its user can enter
        copy.write_bytes(file.read_bytes())
        copy.chmod(0o644)
        broker.config.append(f"{option} {copy}")
