"""`bluenova-collector`: reads the settings, chooses the clock, and wires the parts."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable

from bluenova_collector.collector import VERSION, Collector
from bluenova_collector.console.connection import Console
from bluenova_collector.delivery.outbox import Outbox
from bluenova_collector.delivery.promise import Delivery
from bluenova_collector.forget import forget, named
from bluenova_collector.homeassistant.announcer import HomeAssistant
from bluenova_collector.homeassistant.discovery import Describer
from bluenova_collector.settings import CollectorSettings
from bluenova_collector.spread import SpreadAlarm
from bluenova_shared import service
from bluenova_shared.message import Message
from bluenova_shared.mqtt.inbox import Inbox
from bluenova_shared.mqtt.link import MqttLink, Will
from bluenova_shared.topics import Topics

log = logging.getLogger("bluenova_collector")

# Long enough for a restart of the collector or of its link, short enough to be the truth.
WILL_DELAY_S = 10


async def serve(arguments: list[str], clock: Callable[[], float] = time.time) -> None:
    """Runs the collector until SIGTERM; `clock` gives the time. Raises CannotRun."""
    if arguments[:1] == ["forget"]:
        await serve_forget(arguments[1:])
        return
    settings = CollectorSettings.load(arguments)
    settings.set_up_logging()
    address, topics = settings.address(), settings.topics()
    outbox = Outbox(settings.outbox(), battery=str(address), limit=settings.outbox_limit)
    link = _link(settings, outbox.name, lambda: connected(), lambda: collector.lost_broker())
    home_assistant = _home_assistant(settings, outbox.name, link)
    collector = _collector(settings, outbox, link, clock)
    collector.on_snapshots = home_assistant.hear
    console = _console(settings, collector)
    collector.connections = lambda: console.connections
    log.info("Collector %s: battery %s, broker %s", outbox.name, address, link.broker)

    def connected() -> None:
        collector.announce()
        home_assistant.tell_all()

    async def farewell() -> None:
        collector.farewell()
        await link.close()
        outbox.close()

    listening = _take_messages(link.inbox, topics, collector, home_assistant)
    await service.run_jobs(
        [console.run(), collector.run(), home_assistant.run(), listening],
        link.run(),
        farewell,
        health_file=settings.health_file,
        # A battery that is switched off is no sickness of ours.
        troubles={"no broker": lambda: link.away_since_s},
    )


async def _take_messages(
    inbox: Inbox, topics: Topics, collector: Collector, home_assistant: HomeAssistant
) -> None:
    while True:
        for message in await inbox.drain():
            if message.topic in topics.home_assistant_states():
                home_assistant.take(message)
            else:
                collector.take(message)


def _collector(
    settings: CollectorSettings, outbox: Outbox, link: MqttLink, clock: Callable[[], float]
) -> Collector:
    topics = settings.topics()
    return Collector(
        outbox=outbox,
        delivery=Delivery(outbox, topics, link.publish, link.longest_payload),
        topics=topics,
        publish=link.publish,
        clock=clock,
        interval_s=settings.interval,
        offline_after_s=settings.silence_s,
        log_raw=settings.log_raw,
        spread_alarm=SpreadAlarm(settings.cell_spread_alarm_v),
    )


def _console(settings: CollectorSettings, collector: Collector) -> Console:
    return Console(
        settings.address(),
        on_line=collector.hear,
        on_lost=collector.lost_console,
        handshake_s=settings.handshake_s,
        silence_s=settings.silence_s,
    )


def _link(
    settings: CollectorSettings,
    name: str,
    on_connected: Callable[[], None],
    on_lost: Callable[[], None],
) -> MqttLink:
    topics = settings.topics()
    gone = Message(topics.collector(name), "offline", qos=1, retain=True)
    return MqttLink(
        settings.broker(),
        client_id=name,
        subscriptions=[
            (topics.recorded("+"), 1),
            (topics.recorder(), 1),
            *((topic, 0) for topic in topics.home_assistant_states()),
        ],
        will=Will(gone, WILL_DELAY_S),
        session_s=WILL_DELAY_S,
        on_connected=on_connected,
        on_lost=on_lost,
    )


def _home_assistant(settings: CollectorSettings, name: str, link: MqttLink) -> HomeAssistant:
    describer = Describer(settings.topics(), name, VERSION, settings.interval, settings.energy_unit)
    return HomeAssistant(
        describer.discovery,
        link.publish,
        longest_payload=link.longest_payload,
        enabled=settings.ha_discovery,
    )


async def serve_forget(arguments: list[str]) -> None:
    """Has the broker forget the battery that the first argument names. Raises CannotRun."""
    if arguments[:1] in (["-h"], ["--help"]):
        CollectorSettings.load(["--help"])
    mcu_id = named(arguments)
    settings = CollectorSettings.load(arguments[1:])
    settings.set_up_logging()
    await forget(settings.broker(), settings.topics(), mcu_id)


def main() -> int:
    """Entry point of the `bluenova-collector` command."""
    return service.main("bluenova-collector", serve)


if __name__ == "__main__":
    sys.exit(main())
