"""`bluenova-collector forget`: takes back what the broker keeps of a battery or a collector.

A collector's name is in its outbox. If the outbox is lost, the next one has a new name, and the
broker keeps saying `offline` under the old one.
"""

import asyncio
import logging
import re
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
from bluenova_shared.setting_types import may_hold_a_password
from bluenova_shared.topics import Topics

log = logging.getLogger(__name__)

BROKER_WITHIN_S = 10.0
MCU_ID: TypeAdapter[str] = TypeAdapter(McuId)
_COLLECTOR = re.compile(r"collector/(?P<name>[\w.-]+)")


def retained(topics: Topics, gone: str) -> list[str]:
    """The topics that the broker keeps of what is gone; Home Assistant's comes first.

    A battery's collector stays: it may have other batteries.
    """
    if collector := _COLLECTOR.fullmatch(gone):
        return [topics.collector(collector["name"])]
    discovery = [topics.discovery(gone, part) for part in [*PARTS, ""]]
    return [*discovery, topics.availability(gone), topics.status(gone)]


def named(arguments: list[str]) -> str:
    """What the first argument names: an MCU ID, or `collector/` and a name. Raises CannotRun."""
    given = arguments[0] if arguments else ""
    if _COLLECTOR.fullmatch(given):
        return given
    try:
        return MCU_ID.validate_python(given.upper())
    except ValidationError:
        shown = "forget" if not given or may_hold_a_password(given) else given
        raise CannotRun(
            f"{shown}: name the battery's MCU ID, eight hex digits, for example: "
            "bluenova-collector forget 1A2B3C4D. Or name a collector that is gone, as its topic "
            "ends: bluenova-collector forget collector/1d0536cb"
        ) from None


async def forget(broker: Broker, topics: Topics, gone: str, steady: Callable[[], float]) -> None:
    """Empties what is retained of what is gone. Raises CannotRun if the broker does not."""
    link = MqttLink(broker, Client(f"forget-{secrets.token_hex(4)}"), steady)
    running = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(BROKER_WITHIN_S):
            while Connected() not in await link.drain():
                pass
    except TimeoutError:
        running.cancel()
        raise CannotRun(
            f"There was no connection to the broker {broker} within {BROKER_WITHIN_S:g} s "
            f"({link.trouble}): nothing was forgotten. Check MQTT_HOST, MQTT_PORT and the account."
        ) from None
    try:
        empty = [Message(topic, "", qos=1, retain=True) for topic in retained(topics, gone)]
        sent = [link.publish(message) for message in empty]
        done = await link.close(BROKER_WITHIN_S) and sent == [Sent()] * len(empty)
    finally:
        running.cancel()
    if not done:
        raise CannotRun(f"The broker {broker} did not confirm that it forgets. Try again.")
    if link.refused:
        raise CannotRun(
            f"The broker does not let this account publish on {', '.join(sorted(link.refused))}: "
            f"{_called(gone)} was not forgotten. Use an account that may."
        )
    what = _called(gone)
    log.info("%s is forgotten by the broker, and so by Home Assistant", what[:1].upper() + what[1:])


def _called(gone: str) -> str:
    return gone.replace("/", " ") if _COLLECTOR.fullmatch(gone) else f"battery {gone}"
