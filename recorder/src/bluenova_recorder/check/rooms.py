"""The rooms of a recorder's check, in the order of their lines."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bluenova_recorder.account import Account
from bluenova_recorder.check import database, snapshots
from bluenova_recorder.check.database import DatabaseLook
from bluenova_recorder.check.known import Known
from bluenova_recorder.check.snapshots import SnapshotsLook
from bluenova_shared.check import service_health
from bluenova_shared.check.broker.abilities import Lengths
from bluenova_shared.check.broker.look import BrokerLook
from bluenova_shared.check.broker.rights import Needs, Read, Write
from bluenova_shared.check.command import Room
from bluenova_shared.check.result import Findings
from bluenova_shared.message import Message
from bluenova_shared.mqtt.broker import Broker
from bluenova_shared.topics import NOBODY, Topics, share_filter

# A receipt names 3,000 items at most, but about 250 as a rule.
LENGTHS = Lengths(longest=64 * 1024, needed=8192)


@dataclass(frozen=True)
class Recorders:
    """What a recorder's settings say; `wall` gives the seconds since 1970.

    It listens for a snapshot for no longer than `listen_s`.
    """

    broker: Broker
    topics: Topics
    account: Account
    removes_rows: bool
    health_file: Path | None
    wall: Callable[[], float]
    listen_s: float


def needs(topics: Topics) -> Needs:
    """The topics that a recorder publishes on and hears, and harmless ways to try it.

    What is published is empty and not retained. Collectors pass over a receipt for a battery that
    is none of theirs, and over an empty word of a recorder. The group in which subscriptions are
    tried is nobody's: nothing is taken away from recorders at work.
    """
    group = f"check-{secrets.token_hex(4)}"
    return Needs(
        [
            Write(topics.recorded("+"), Message(topics.recorded(NOBODY), "")),
            Write(topics.recorder(), Message(topics.recorder(), "")),
        ],
        [
            Read(topics.snapshot("+"), share_filter(group, topics.snapshot("+"))),
            Read(topics.backlog("+"), share_filter(f"{group}-backlog", topics.backlog("+"))),
        ],
    )


def rooms(of: Recorders) -> list[Room]:
    """All that is looked at."""
    known = Known()
    at_broker = BrokerLook(of.broker, needs(of.topics), LENGTHS, shares=True, wall=of.wall)
    at_snapshots = SnapshotsLook(at_broker, of.topics, known, of.listen_s)

    async def look_at_service(findings: Findings) -> None:
        service_health.look_at_service(findings, of.health_file, "recorder")

    async def look_at_broker(findings: Findings) -> None:
        if await at_broker.look(findings):
            await at_snapshots.look(findings)

    at_database = DatabaseLook(of.account, of.removes_rows, known, of.wall)
    return [
        Room([service_health.NAME], look_at_service),
        Room(database.NAMES, at_database.look),
        Room([*at_broker.names, snapshots.NAME], look_at_broker),
    ]
