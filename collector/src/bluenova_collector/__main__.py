"""`bluenova-collector`: reads the settings, chooses the clocks, and wires the parts."""

import dataclasses
import logging
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bluenova_collector.check.battery import LISTEN_S
from bluenova_collector.check.rooms import Collectors, rooms
from bluenova_collector.collector import Collector
from bluenova_collector.console.connection import PAUSES_S, Console
from bluenova_collector.delivery.adopt import Adoption
from bluenova_collector.delivery.outbox import Outbox
from bluenova_collector.delivery.outbox_file import DiskTrouble, Unusable
from bluenova_collector.delivery.pacing import WAITS, Pacing, Waits
from bluenova_collector.delivery.promise import Delivery
from bluenova_collector.delivery.stagger import Stagger
from bluenova_collector.forget import forget, named
from bluenova_collector.homeassistant.announcer import Announcer
from bluenova_collector.homeassistant.discovery import Describer
from bluenova_collector.homeassistant.refusal import AGAIN_S as REFUSED_AGAIN_S
from bluenova_collector.homeassistant.refusal import Refusal
from bluenova_collector.loops import VERSION, Loops
from bluenova_collector.settings import CollectorSettings
from bluenova_shared import service
from bluenova_shared.check.command import Room, run_check
from bluenova_shared.clocks import Clocks
from bluenova_shared.message import Message
from bluenova_shared.mqtt.broker import KEEPALIVE_S, Client, Will
from bluenova_shared.mqtt.link import PAUSES, MqttLink, Pauses
from bluenova_shared.program import stop_requested
from bluenova_shared.service import CannotRun
from bluenova_shared.topics import Topics

log = logging.getLogger("bluenova_collector")

# A restart of the collector or of its link takes less; a longer absence should show.
WILL_DELAY_S = 10
CLOCKS = Clocks(time.time, time.monotonic)


@dataclass(frozen=True)
class Parts:
    """What may be chosen otherwise: the clocks, the waits, and some of the parts."""

    clocks: Clocks = CLOCKS
    outbox: Callable[[Path, str, int, Callable[[], float]], Outbox] = Outbox
    delivery: type[Delivery] = Delivery
    waits: Waits = WAITS
    battery_pauses_s: Sequence[float] = PAUSES_S
    broker_pauses: Pauses = PAUSES
    keepalive_s: int = KEEPALIVE_S
    refused_again_s: float = REFUSED_AGAIN_S  # a discovery that the broker refused
    check_listens_s: float = LISTEN_S


PARTS = Parts()


async def serve(arguments: list[str], parts: Parts = PARTS) -> None:
    """Runs the collector until SIGTERM. Raises CannotRun."""
    if arguments[:1] == ["forget"]:
        await serve_forget(arguments[1:], parts)
        return
    if arguments[:1] == ["check"]:
        await serve_check(arguments[1:], parts)
        return
    settings = CollectorSettings.load(arguments)
    settings.set_up_logging()
    try:
        await collect(settings, parts)
    except (Unusable, DiskTrouble) as reason:
        raise CannotRun(
            f"The outbox {settings.outbox()} cannot be used: {reason}. Set OUTBOX_PATH to a file "
            "in a folder that is ours to write, one for each collector."
        ) from None


async def collect(settings: CollectorSettings, parts: Parts) -> None:
    """Wires the parts and runs them until SIGTERM. Raises Unusable."""
    address, topics, clocks = settings.address(), settings.topics(), parts.clocks
    outbox = parts.outbox(settings.outbox(), str(address), settings.outbox_limit, clocks.wall)
    client = _client(outbox.name, topics, parts.keepalive_s)
    pauses = dataclasses.replace(parts.broker_pauses, jitter_s=settings.stagger_s)
    link = MqttLink(settings.broker(), client, clocks.steady, pauses=pauses)
    describer = Describer(topics, outbox.name, VERSION, settings.interval, settings.energy_unit)
    console = Console(
        address,
        clocks.steady,
        handshake_s=settings.handshake_s,
        silence_s=settings.silence_s,
        pauses_s=parts.battery_pauses_s,
    )
    loops = Loops(
        collector=Collector(
            topics,
            outbox.name,
            outbox.recall(),
            interval_s=settings.interval,
            offline_after_s=settings.silence_s,
            spread_alarm_v=settings.cell_spread_alarm_v,
            wall_s=clocks.wall(),
            steady_s=clocks.steady(),
        ),
        outbox=outbox,
        adoption=Adoption(outbox, settings.other_outboxes()),
        delivery=parts.delivery(
            outbox,
            topics,
            link,
            clocks.steady,
            # Collectors that have paused together do not do so for ever.
            Pacing(parts.waits, pause_factor=random.uniform(0.75, 1.25)),  # noqa: S311  # no secret
            has_recorder=settings.recorder != "none",
            stagger=Stagger(settings.stagger_s),
        ),
        announcer=Announcer(
            describer,
            link,
            clocks.steady,
            enabled=settings.ha_discovery,
            refusal=Refusal(parts.refused_again_s),
        ),
        broker=link,
        topics=topics,
        clocks=clocks,
        interval_s=settings.interval,
        log_raw=settings.log_raw,
    )
    log.info("Collector %s: battery %s, broker %s", outbox.name, address, link.broker)

    async def farewell() -> None:
        loops.farewell()
        await link.close()
        outbox.close()

    await service.run_jobs(
        [loops.read_console(console), loops.read_broker(link), loops.keep_time()],
        link.run(),
        farewell,
        health_file=settings.health_file,
        # A battery that is switched off does not make the collector unhealthy.
        troubles={"no broker": lambda: link.away_since_s},
        steady=clocks.steady,
    )


def _client(name: str, topics: Topics, keepalive_s: int) -> Client:
    gone = Message(topics.collector(name), "offline", qos=1, retain=True)
    return Client(
        name,
        subscriptions=[(topics.recorder(), 1)],
        optional=[(topic, 0) for topic in topics.home_assistant_states()],
        will=Will(gone, WILL_DELAY_S),
        session_s=WILL_DELAY_S,
        keepalive_s=keepalive_s,
    )


async def serve_forget(arguments: list[str], parts: Parts) -> None:
    """Has the broker forget the battery that the first argument names. Raises CannotRun."""
    if arguments[:1] in (["-h"], ["--help"], ["--version"]):
        CollectorSettings.load(arguments[:1])
    mcu_id = named(arguments)
    settings = CollectorSettings.load(arguments[1:])
    settings.set_up_logging()
    await forget(settings.broker(), settings.topics(), mcu_id, parts.clocks.steady)


async def serve_check(arguments: list[str], parts: Parts) -> None:
    """Looks at all that a collector needs. Raises CannotRun if anything is wrong."""

    def of(left: list[str]) -> list[Room]:
        settings = CollectorSettings.load(left)
        return rooms(
            Collectors(
                address=settings.address(),
                broker=settings.broker(),
                topics=settings.topics(),
                outbox=settings.outbox(),
                outbox_limit=settings.outbox_limit,
                interval_s=settings.interval,
                handshake_s=settings.handshake_s,
                has_recorder=settings.recorder != "none",
                discovery=settings.ha_discovery,
                energy_unit=settings.energy_unit,
                health_file=settings.health_file,
                clocks=parts.clocks,
                listen_s=parts.check_listens_s,
            )
        )

    await run_check("bluenova-collector", arguments, of, os.environ, stop=stop_requested())


def main() -> int:
    """Runs the service; the command line says how."""
    return service.main("bluenova-collector", serve)


if __name__ == "__main__":
    sys.exit(main())
