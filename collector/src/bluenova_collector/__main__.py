"""`bluenova-collector`: reads the settings, chooses the clock, and wires the parts."""

from __future__ import annotations

import logging
import sys
import time

from bluenova_collector.collector import Collector
from bluenova_collector.console import Console
from bluenova_collector.delivery import Delivery
from bluenova_collector.outbox import Outbox
from bluenova_collector.settings import CollectorSettings
from bluenova_shared import health, service
from bluenova_shared.message import Message
from bluenova_shared.mqtt import MqttLink, Will
from bluenova_shared.topics import Topics

log = logging.getLogger("bluenova_collector")

# Long enough for a restart of the collector or of its link, short enough to be the truth.
WILL_DELAY_S = 10


async def serve(arguments: list[str]) -> None:
    """Runs the collector until SIGTERM. Raises WrongSettings."""
    settings = CollectorSettings.load(arguments)
    settings.set_up_logging()
    address, topics = settings.address(), Topics(settings.topic_root)
    outbox = Outbox(settings.outbox(), battery=str(address), limit=settings.outbox_limit)
    gone = Message(topics.collector(outbox.name), "offline", qos=1, retain=True)
    link = MqttLink(
        settings.broker(),
        client_id=outbox.name,
        subscriptions=[(topics.recorded("+"), 1), (topics.recorder(), 1)],
        will=Will(gone, WILL_DELAY_S),
        session_s=WILL_DELAY_S,
        on_connected=lambda: collector.announce(),
    )
    delivery = Delivery(outbox, topics, link.publish, max_packet=lambda: link.max_packet)
    collector = Collector(
        outbox=outbox,
        delivery=delivery,
        topics=topics,
        publish=link.publish,
        clock=time.time,
        interval_s=settings.interval,
        offline_after_s=settings.silence_s,
        log_raw=settings.log_raw,
    )
    console = Console(
        address,
        on_line=collector.hear,
        on_lost=collector.lost_console,
        handshake_s=settings.handshake_s,
        silence_s=settings.silence_s,
    )
    log.info("Collector %s: battery %s, broker %s", outbox.name, address, link.broker)

    async def take_messages() -> None:
        while True:
            for message in await link.inbox.take():
                collector.take(message)

    async def farewell() -> None:
        collector.farewell()
        await link.close()
        outbox.close()

    jobs = [console.run(), link.run(), collector.run(), take_messages()]
    if settings.health_file is not None:
        # A battery that is switched off is no sickness of ours.
        troubles = {"no broker": lambda: link.away_since_s}
        jobs.append(health.keep_beating(settings.health_file, troubles))
    await service.run_jobs(jobs, farewell)


def main() -> int:
    """Entry point of the `bluenova-collector` command."""
    return service.main("bluenova-collector", serve)


if __name__ == "__main__":
    sys.exit(main())
