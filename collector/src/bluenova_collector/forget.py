"""`bluenova-collector forget MCU`: takes back what the broker keeps of a battery."""

import asyncio
import logging
import secrets
from collections.abc import Callable

from pydantic import TypeAdapter, ValidationError

from bluenova_collector.homeassistant.discovery import PARTS
from bluenova_shared.identity import McuId
from bluenova_shared.message import Message
from bluenova_shared.mqtt.broker import Broker, Client
from bluenova_shared.mqtt.events import Connected, Sent
from bluenova_shared.mqtt.link import MqttLink
from bluenova_shared.service import CannotRun
from bluenova_shared.topics import Topics

log = logging.getLogger(__name__)

BROKER_WITHIN_S = 10.0
MCU_ID: TypeAdapter[str] = TypeAdapter(McuId)


def retained(topics: Topics, mcu_id: str) -> list[str]:
    """The topics that the broker keeps of a battery; Home Assistant's comes first.

    The collector's own topic stays: it may have other batteries.
    """
    discovery = [topics.discovery(mcu_id, part) for part in [*PARTS, ""]]
    return [*discovery, topics.availability(mcu_id), topics.status(mcu_id)]


def named(arguments: list[str]) -> str:
    """The MCU ID that the first argument is. Raises CannotRun."""
    given = arguments[0] if arguments else ""
    try:
        return MCU_ID.validate_python(given.upper())
    except ValidationError:
        raise CannotRun(
            f"{given or 'forget'}: name the battery's MCU ID, eight hex digits, for example: "
            "bluenova-collector forget 1A2B3C4D"
        ) from None


async def forget(broker: Broker, topics: Topics, mcu_id: str, steady: Callable[[], float]) -> None:
    """Empties what is retained of the battery. Raises CannotRun if the broker does not."""
    link = MqttLink(broker, Client(f"forget-{secrets.token_hex(4)}"), steady)
    running = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(BROKER_WITHIN_S):
            while Connected() not in await link.drain():
                pass
        empty = [Message(topic, "", qos=1, retain=True) for topic in retained(topics, mcu_id)]
        sent = [link.publish(message) for message in empty]
        done = await link.close(BROKER_WITHIN_S) and sent == [Sent()] * len(empty)
    except TimeoutError:
        raise CannotRun(
            f"There was no connection to the broker {broker} within {BROKER_WITHIN_S:g} s "
            f"({link.trouble}): nothing was forgotten. Check MQTT_HOST, MQTT_PORT and the account."
        ) from None
    finally:
        running.cancel()
    if not done:
        raise CannotRun(f"The broker {broker} did not confirm that it forgets. Try again.")
    if link.refused:
        raise CannotRun(
            f"The broker does not let this account publish on {', '.join(sorted(link.refused))}: "
            f"battery {mcu_id} was not forgotten. Use an account that may."
        )
    log.info("Battery %s is forgotten by the broker, and so by Home Assistant", mcu_id)
