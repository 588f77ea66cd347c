"""Whether snapshots come: that a broker grants a subscription does not tell that it delivers."""

from dataclasses import dataclass

from bluenova_recorder.check.known import Known
from bluenova_shared.check.broker.look import BrokerLook
from bluenova_shared.check.broker.probe import NoAnswer, Probe, Refused
from bluenova_shared.check.result import Findings
from bluenova_shared.message import Message
from bluenova_shared.threads import in_daemon_thread
from bluenova_shared.topics import NOBODY, Topics

NAME = "snapshots"
# Longer than most intervals.
LISTEN_S = 12.0


@dataclass(frozen=True)
class SnapshotsLook:
    """Listens beside the recorders: it takes nothing away from their group."""

    broker: BrokerLook
    topics: Topics
    known: Known
    listen_s: float

    async def look(self, findings: Findings) -> None:
        """Waits for a snapshot, or for the word that the newest row is fresh."""
        await in_daemon_thread(lambda: self._look(findings))

    def _look(self, findings: Findings) -> None:
        try:
            with self.broker.new_probe() as probe:
                probe.subscribe(self.topics.snapshot("+"))
                probe.listen(lambda: self._is_settled(probe), self.listen_s)
                came = self._came(probe)
        except (NoAnswer, Refused) as error:
            findings.wrong(NAME, f"the connection was lost: {error}", "Try again")
            return
        if came:
            findings.ok(NAME, f"one came from {self.topics.mcu_of(came[0].topic)}")
        elif self.known.is_fresh:
            findings.ok(NAME, f"they come, as {self.known.newest}")
        else:
            findings.wrong(
                NAME,
                f"none came within {self.listen_s:g} s, and {self.known.newest}",
                "See the collector: docker compose exec collector bluenova-collector check. If it "
                "is well, this account may not read what comes; in Mosquitto's ACL, below "
                f"`user {self.broker.broker.username or '...'}`: topic read "
                f"{self.topics.snapshot('+')}",
            )

    def _is_settled(self, probe: Probe) -> bool:
        return bool(self._came(probe)) or (self.known.settled.is_set() and self.known.is_fresh)

    def _came(self, probe: Probe) -> list[Message]:
        nobodys = self.topics.snapshot(NOBODY)
        return [one for one in list(probe.heard) if one.payload and one.topic != nobodys]
