"""The rooms of a collector's check, in the order of their lines."""

from dataclasses import dataclass
from pathlib import Path

from bluenova_collector.check import battery, clock, others, outbox
from bluenova_collector.check.battery import BatteryLook
from bluenova_collector.check.known import Known
from bluenova_collector.check.needs import lengths, needs
from bluenova_collector.check.others import OthersLook
from bluenova_collector.check.outbox import OutboxLook
from bluenova_collector.console.connection import Address
from bluenova_shared.check import service_health
from bluenova_shared.check.broker.look import BrokerLook
from bluenova_shared.check.command import Room
from bluenova_shared.check.result import Findings
from bluenova_shared.clocks import Clocks
from bluenova_shared.mqtt.broker import Broker
from bluenova_shared.topics import Topics


@dataclass(frozen=True)
class Collectors:
    """What a collector's settings say, and its clocks; for how long the battery is listened to."""

    address: Address
    broker: Broker
    topics: Topics
    outbox: Path
    outbox_limit: int
    interval_s: int
    handshake_s: float
    has_recorder: bool
    discovery: bool
    energy_unit: str
    health_file: Path | None
    clocks: Clocks
    listen_s: float


def rooms(of: Collectors) -> list[Room]:
    """All that is looked at."""
    known = Known()
    at_battery = BatteryLook(of.address, of.handshake_s, known, of.clocks.steady, of.listen_s)
    at_outbox = OutboxLook(
        of.outbox,
        str(of.address),
        of.outbox_limit,
        of.interval_s,
        of.has_recorder,
        known,
        of.clocks.wall,
    )
    at_broker = BrokerLook(
        of.broker,
        needs(of.topics, has_recorder=of.has_recorder, discovery=of.discovery),
        lengths(of.topics),
        shares=False,
        wall=of.clocks.wall,
    )
    at_others = OthersLook(
        at_broker,
        of.topics,
        known,
        of.interval_s,
        of.energy_unit,
        of.has_recorder,
        of.discovery,
        of.listen_s,
    )

    async def look_around(findings: Findings) -> None:
        troubles = service_health.look_at_service(findings, of.health_file, "collector")
        known.without_broker_s = troubles.get("no broker", 0.0)
        clock.look_at_clock(findings, of.clocks.wall())

    async def look_at_broker(findings: Findings) -> None:
        if await at_broker.look(findings):
            await at_others.look(findings)

    return [
        Room([service_health.NAME, clock.NAME], look_around),
        Room(battery.NAMES, at_battery.look),
        Room(outbox.NAMES, at_outbox.look),
        Room([*at_broker.names, *others.NAMES], look_at_broker),
    ]
