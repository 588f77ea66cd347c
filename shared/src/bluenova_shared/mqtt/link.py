"""The link to the MQTT broker: one connection after the other, and what comes of them as events."""

import asyncio
import dataclasses
import logging
import random
from collections.abc import Callable, Collection
from dataclasses import dataclass

from bluenova_shared.backoff import Backoff
from bluenova_shared.logs import AGAIN_S, Change
from bluenova_shared.message import Message
from bluenova_shared.mqtt import troubles
from bluenova_shared.mqtt.broker import Abilities, Broker, Client
from bluenova_shared.mqtt.connection import Connection
from bluenova_shared.mqtt.events import Event, Lost, NoBroker, Published
from bluenova_shared.mqtt.inbox import Inbox

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pauses:
    """The pauses between two attempts, in seconds.

    A connection that lasts less than `short_s` counts as a failed attempt, so that two clients
    with one name, who throw each other out, do so ever more slowly. Each pause is longer by up to
    `jitter_s`, so that many clients do not come back all at once.
    """

    first_s: float = 1.0
    longest_s: float = 30.0
    short_s: float = 10.0
    jitter_s: float = 0.0


PAUSES = Pauses()


class MqttLink:
    """A connection to the broker that is made again for ever, with growing pauses.

    `steady` is a clock that never jumps. The client's subscriptions are made anew at each
    connection while it is `listening`.
    """

    def __init__(
        self,
        broker: Broker,
        client: Client,
        steady: Callable[[], float],
        *,
        pauses: Pauses = PAUSES,
        inbox: Inbox | None = None,
        listening: bool = True,
    ) -> None:
        self.broker = broker
        self._client = client
        self._steady = steady
        self._pauses = pauses
        self._inbox = inbox or Inbox()
        self._listening = listening
        self._connection: Connection | None = None
        self._abilities = Abilities()
        self._paused = False  # whether we want to hear nothing for a while
        self._away_since_s = steady()
        self._said = Change(every_s=AGAIN_S)
        self._short = 0  # how many short connections there were, one after the other

    async def run(self) -> None:
        """Keeps a connection up until cancelled."""
        backoff = Backoff.doubling(self._pauses.first_s, self._pauses.longest_s)
        while True:
            began_s = self._steady()
            await self._one_connection(began_s)
            if self._steady() - began_s >= self._pauses.short_s:
                backoff.reset()
            more_s = random.uniform(0, self._pauses.jitter_s)  # noqa: S311  # spreads the clients, no secret
            await asyncio.sleep(backoff.next_s() * random.uniform(0.8, 1.2) + more_s)  # noqa: S311  # spreads them, too

    async def _one_connection(self, began_s: float) -> None:
        connection = self._connection = Connection(
            self.broker, self._client, self._inbox, self._abilities, listening=self._listening
        )
        try:
            await connection.run()
        finally:
            self._abilities = connection.abilities
            was_accepted, connection.accepted = connection.accepted, False
            if was_accepted:
                self._away_since_s = self._steady()
                self._inbox.put(Lost(connection.trouble, connection.unacknowledged))
        new = self._said.to(self.trouble, self._steady())
        if was_accepted:
            is_short = self._steady() - began_s < self._pauses.short_s
            self._short = self._short + 1 if is_short else 0
            why = troubles.of_short_ones(self.trouble) if self._short > 1 else self.trouble
            log.warning("Lost the MQTT broker at %s (%s); trying again", self.broker, why)
        elif new:
            log.warning("No MQTT broker at %s (%s); trying again", self.broker, self.trouble)

    async def drain(self) -> list[Event]:
        """All events since the last call, as soon as there is any."""
        return await self._inbox.drain()

    def publish(self, message: Message) -> Published:
        """Sends a message, if there is a broker that takes it, and says what happened."""
        return NoBroker() if self._connection is None else self._connection.publish(message)

    def listen(self, wanted: bool) -> None:
        """Subscribes, now and at each connection, or no more."""
        self._listening = wanted
        if wanted and self._paused:
            self._away_since_s = self._steady()
        self._paused = not wanted
        if self._connection is not None:
            self._connection.listen(wanted)

    def hear(self, topics: Collection[str]) -> None:
        """Needs what is published on these topics, too (QoS 0): from now on, and for good."""
        before = self._client.subscriptions
        known = {topic for topic, _ in before}
        if new := [(topic, 0) for topic in sorted(topics) if topic not in known]:
            self._client = dataclasses.replace(self._client, subscriptions=[*before, *new])
            if self._connection is not None:
                self._connection.hear(new)

    async def close(self, timeout_s: float = 2.0) -> bool:
        """Waits until what was published is acknowledged, within bounds, and takes leave.

        True if all of it was.
        """
        connection, deadline_s, done = self._connection, self._steady() + timeout_s, False
        if connection is None:
            return False
        while self.connected and not (done := connection.all_acknowledged):
            if self._steady() > deadline_s:
                break
            await asyncio.sleep(0.01)
        connection.leave()
        return done

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the present connection."""
        return self._connection is not None and self._connection.accepted

    @property
    def away_since_s(self) -> float | None:
        """Since when there is no broker, by the steady clock; None while there is one.

        One that refuses what we need to hear counts as none.
        """
        connection = self._connection
        serves = connection is not None and (
            connection.hears or (self._paused and connection.accepted)
        )
        return None if serves else self._away_since_s

    @property
    def dropped(self) -> int:
        """How many messages came and did not fit into the inbox."""
        return self._inbox.dropped

    @property
    def trouble(self) -> str:
        """Why the present connection is to end, ended, or never came about."""
        return "" if self._connection is None else self._connection.trouble

    @property
    def refused(self) -> set[str]:
        """The topics on which this connection may not publish."""
        return set() if self._connection is None else self._connection.refused
