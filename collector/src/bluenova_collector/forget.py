"""`bluenova-collector forget MCU`: takes back what the broker keeps of a battery."""

from __future__ import annotations

import asyncio
import re
import secrets

from bluenova_shared.message import Message
from bluenova_shared.mqtt import Broker, MqttLink
from bluenova_shared.settings import WrongSettings
from bluenova_shared.topics import Topics

BROKER_WITHIN_S = 10.0


def retained(topics: Topics, mcu_id: str) -> list[str]:
    """The topics that the broker keeps of a battery; Home Assistant's comes first.

    The collector's own topic stays: it may have other batteries.
    """
    return [topics.discovery(mcu_id), topics.availability(mcu_id), topics.status(mcu_id)]


def named(arguments: list[str]) -> str:
    """The MCU ID that the first argument is. Raises WrongSettings."""
    mcu_id = arguments[0].upper() if arguments else ""
    if not re.fullmatch("[0-9A-F]{8}", mcu_id):
        raise WrongSettings(
            f"{mcu_id or 'forget'}: name the battery's MCU ID, eight hex digits, for example: "
            "bluenova-collector forget 1A2B3C4D"
        )
    return mcu_id


async def forget(broker: Broker, topics: Topics, mcu_id: str) -> None:
    """Empties what is retained of the battery. Raises WrongSettings where there is no broker."""
    connected = asyncio.Event()
    client_id = f"forget-{secrets.token_hex(4)}"
    link = MqttLink(broker, client_id, on_connected=connected.set)
    running = asyncio.create_task(link.run())
    try:
        await asyncio.wait_for(connected.wait(), BROKER_WITHIN_S)
        for topic in retained(topics, mcu_id):
            link.publish(Message(topic, "", qos=1, retain=True))
        await link.close()
    except TimeoutError:
        raise WrongSettings(
            f"The broker {broker} did not answer within {BROKER_WITHIN_S:g} s: nothing was "
            "forgotten. Check MQTT_HOST and MQTT_PORT, or try again."
        ) from None
    finally:
        running.cancel()
