"""Who else is at the broker: a recorder, another collector with our name, Home Assistant."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from bluenova_collector.check.known import Known
from bluenova_collector.homeassistant.discovery import Describer
from bluenova_collector.loops import VERSION
from bluenova_shared.check.broker.look import BrokerLook
from bluenova_shared.check.broker.probe import NoAnswer, Probe, Refused
from bluenova_shared.check.result import Findings, ago
from bluenova_shared.message import Message
from bluenova_shared.threads import in_daemon_thread
from bluenova_shared.topics import Topics

RECORDER, OWN_NAME = "recorder", "own name"
BIRTH, DISCOVERY = "home assistant", "home assistant discovery"
NAMES = (RECORDER, OWN_NAME, BIRTH, DISCOVERY)

# What is retained comes right after the subscription: a part of the time for listening will do.
RETAINED_PART = 1 / 3
# A collector that the broker lets in needs no longer, but after a restart of the broker.
ALONE_S = 1.5
# The battery's room takes about so long to hear its MCU ID, and a collector to announce it.
MOST_S = 12.0


@dataclass(frozen=True)
class OthersLook:
    """What a collector with these settings expects of the others; `listen_s` as for the battery."""

    broker: BrokerLook
    topics: Topics
    known: Known
    interval_s: int
    energy_unit: str
    has_recorder: bool
    discovery: bool
    listen_s: float

    async def look(self, findings: Findings) -> None:
        """Listens until the battery is heard, and then for what is retained about it."""
        await self.known.outbox_read.wait()
        await in_daemon_thread(lambda: self._look(findings))

    def _look(self, findings: Findings) -> None:
        name = self.known.contents.name
        try:
            with self.broker.new_probe() as probe:
                for topic in (self.topics.recorder(), *self.topics.home_assistant_states()):
                    probe.subscribe(topic)
                if name:
                    probe.subscribe(self.topics.collector(name))
                probe.listen(self.known.battery_heard.is_set, MOST_S)
                expected = self._expected()
                for topic in expected:
                    probe.subscribe(topic)
                # A collector that has just started may be announcing it, part after part.
                within_s = MOST_S if self.known.in_use else self.listen_s * RETAINED_PART
                probe.listen(lambda: self._has_all(probe, expected), within_s)
                heard = list(probe.heard)
        except (NoAnswer, Refused) as error:
            findings.wrong(RECORDER, f"the connection was lost: {error}", "Try again")
            return
        self._judge_recorder(findings, heard)
        self._judge_name(findings, heard, name)
        self._judge_birth(findings, heard)
        self._judge_discovery(findings, heard, expected)

    def _expected(self) -> dict[str, bytes]:
        """What should be retained for Home Assistant, by topic."""
        mcu_id, contents = self.known.mcu_id, self.known.contents
        if mcu_id is None or not self.discovery:
            return {}
        unit, cells = self.energy_unit, contents.memory.cells.get(mcu_id, 0)
        describer = Describer(self.topics, contents.name, VERSION, self.interval_s, unit)
        return {
            one.topic: bytes(one.payload)  # type: ignore[arg-type]  # discovery is made of bytes
            for one in describer.discovery(mcu_id, cells)
        }

    def _has_all(self, probe: Probe, expected: Mapping[str, bytes]) -> bool:
        wanted = set(expected) | ({self.topics.recorder()} if self.has_recorder else set())
        return wanted <= {one.topic for one in list(probe.heard)}

    def _judge_recorder(self, findings: Findings, heard: list[Message]) -> None:
        if not self.has_recorder:
            findings.skipped(RECORDER, "RECORDER=none: nothing is kept for one")
        elif any(one.topic == self.topics.recorder() and one.payload for one in heard):
            findings.ok(RECORDER, "one has said that it is ready to write")
        else:
            findings.wrong(
                RECORDER,
                "none has ever said that it is ready, or it is not heard: what is measured waits",
                "Start one: docker compose up -d recorder; and look at it: docker compose exec "
                "recorder bluenova-recorder check. Or set RECORDER=none. The account must be "
                f"allowed to read {self.topics.recorder()}, and the broker to retain it",
            )

    def _judge_name(self, findings: Findings, heard: list[Message], name: str) -> None:
        cure = (
            "Give each collector an outbox of its own, never a copy: stop the one that has the "
            "copy, and move its file away"
        )
        mine = [one for one in heard if name and one.topic == self.topics.collector(name)]
        kept = [one for one in mine if one.retain and one.payload == b"online"]
        anew = [one for one in mine if not one.retain and one.payload]
        if not name:
            findings.skipped(OWN_NAME, "not known, as it is kept in the outbox")
        elif kept and not self.known.in_use:
            found = f"another collector called {name} is online, while none has this outbox"
            # The broker says that a collector is gone when its will is due, not when it is killed.
            killed = "If the collector was killed or lost its power within the last minutes, wait"
            cure = f"{killed} and look again; otherwise: {cure[0].lower()}{cure[1:]}"
            findings.warning(OWN_NAME, found, cure)
        elif self.known.in_use and self.known.without_broker_s > ALONE_S:
            lasts = ago(self.known.without_broker_s)
            found = f"the {name} that runs has had no broker for {lasts}, which lets us in"
            findings.wrong(OWN_NAME, f"{found}: perhaps two have this name", cure)
        elif len(anew) > 1:
            found = f"{name} came and went {len(anew)} times in some seconds: two have this name"
            findings.wrong(OWN_NAME, found, cure)
        elif anew:
            found = f"{name} has just connected anew: if it does so often, two have this name"
            findings.warning(OWN_NAME, found, cure)
        else:
            findings.ok(OWN_NAME, f"{name}; nobody else is seen to use it")

    def _judge_birth(self, findings: Findings, heard: list[Message]) -> None:
        states = self.topics.home_assistant_states()
        said = {bytes(one.payload) for one in heard if one.topic in states}  # type: ignore[arg-type]  # what came is bytes
        if not self.discovery:
            findings.skipped(BIRTH, "HA_DISCOVERY=false")
        elif b"online" in said:
            findings.ok(BIRTH, "it says that it is online")
        elif said:
            findings.warning(BIRTH, "it says that it is offline", "Start Home Assistant")
        else:
            findings.skipped(
                BIRTH,
                "not heard: it says so when it starts, and the broker keeps that only if its MQTT "
                "integration's birth message is retained",
            )

    def _judge_discovery(
        self, findings: Findings, heard: list[Message], expected: Mapping[str, bytes]
    ) -> None:
        if not expected:
            why = "no MCU ID is known" if self.discovery else "HA_DISCOVERY=false"
            findings.skipped(DISCOVERY, why)
            return
        kept = {one.topic: bytes(one.payload) for one in heard if one.payload}  # type: ignore[arg-type]  # what came is bytes
        mcu_id = self.known.mcu_id
        again = "Have it announced anew: docker compose restart collector"
        there = {topic for topic in expected if topic in kept}
        if not there and not self.known.in_use:
            findings.skipped(DISCOVERY, f"nothing about {mcu_id} yet, and no collector runs")
        elif not there:
            findings.warning(
                DISCOVERY,
                f"nothing about {mcu_id} is heard: not announced, not retained, or not readable",
                f"{again}. For this look the account must be allowed to read "
                f"{self.topics.discoveries()}",
            )
        elif others := self._other_announcers(kept, there):
            findings.wrong(
                DISCOVERY,
                f"{mcu_id} was announced by another collector: {', '.join(sorted(others))}",
                "One collector for each battery: stop the other one. If it is gone for good: "
                f"{again}",
            )
        elif bad := sorted(t for t in expected if not self._is_same(expected[t], kept.get(t))):
            findings.warning(
                DISCOVERY,
                f"{len(bad)} of {len(expected)} parts about {mcu_id} are missing or another "
                f"version's: {bad[0]}",
                again,
            )
        else:
            findings.ok(
                DISCOVERY, f"all {len(expected)} parts about {mcu_id} are as they should be"
            )

    def _other_announcers(self, kept: Mapping[str, bytes], topics: set[str]) -> set[str]:
        """The names of other collectors in what is announced."""
        begin, own = self.topics.collector(""), self.topics.collector(self.known.contents.name)
        named = {
            str(one.get("t"))
            for topic in topics
            for one in _list(_parsed(kept[topic]).get("avty"))
            if isinstance(one, dict)
        }
        names = {one.removeprefix(begin) for one in named if one.startswith(begin) and one != own}
        return names if self.known.contents.name else set()

    def _is_same(self, expected: bytes, kept: bytes | None) -> bool:
        if kept is None:
            return False
        cells = self.known.contents.memory.cells
        # Without the battery's word, how many cells were announced is not known here.
        return self.known.mcu_id not in cells or _parsed(expected) == _parsed(kept)


def _parsed(payload: bytes) -> dict[str, object]:
    try:
        found = json.loads(payload)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
