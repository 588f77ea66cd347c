"""A whole installation, and the settings of its services."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bluenova_tools.local import Database, Mosquitto, Service
from bluenova_tools.local.system_user import give, server_user

ROOT = Path(__file__).parents[2]
PASSWORDS = {"collector": "collects", "recorder": "records", "homeassistant": "shows"}


@dataclass
class Installation:
    """Its parts, all at work, and the settings of its two services."""

    broker: Mosquitto
    database: Database
    collector: Service
    recorder: Service
    collectors: dict[str, Any]
    recorders: dict[str, Any]


def account(name: str) -> dict[str, Any]:
    """The settings with which a service signs in."""
    return {"MQTT_USERNAME": name, "MQTT_PASSWORD": PASSWORDS[name]}


def use_accounts(broker: Mosquitto, acl: str = "") -> None:
    """Gives a broker the accounts of docker-compose.yml, with their rights or others.

    It has them from its next start on.
    """
    rights, passwords = broker.folder / "acl", broker.folder / "passwords"
    rights.write_text(acl or (ROOT / "mosquitto" / "acl").read_text(encoding="utf-8"))
    passwords.write_text("".join(f"{name}:{word}\n" for name, word in PASSWORDS.items()))
    subprocess.run(["mosquitto_passwd", "-U", passwords], check=True)
    for path in (rights, passwords):
        give(path, server_user())
    broker.config += [f"acl_file {rights}", f"password_file {passwords}"]


def acl_without(*lines: str) -> str:
    """The project's own rights, less these lines."""
    text = (ROOT / "mosquitto" / "acl").read_text(encoding="utf-8")
    for line in lines:
        assert f"{line}\n" in text, line
        text = text.replace(f"{line}\n", "")
    return text
