"""What our account may do at the broker: asked of the broker itself, topic by topic.

What is published for this is nothing that anybody acts upon: see `Needs`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from paho.mqtt.reasoncodes import ReasonCode

from bluenova_shared.check.broker.probe import NoAnswer, Probe, Refused
from bluenova_shared.check.result import Findings
from bluenova_shared.message import Message

# "No matching subscribers", with which a broker may accept a message, is no failure.
_FAILURE = 0x80
# An answer that means: this is not yours.
_DENIED = 0x87


@dataclass(frozen=True)
class Write:
    """A topic filter that we must be allowed to publish on, and a message that nobody acts upon."""

    topic_filter: str
    message: Message


@dataclass(frozen=True)
class Read:
    """A topic filter that we must hear, and the filter by which it is tried."""

    topic_filter: str
    tried: str


@dataclass(frozen=True)
class Needs:
    """All that a service needs to do at the broker."""

    writes: Sequence[Write]
    reads: Sequence[Read]

    @property
    def names(self) -> list[str]:
        """The results' names."""
        return [
            *(f"write {one.topic_filter}" for one in self.writes),
            *(f"read {one.topic_filter}" for one in self.reads),
        ]


@dataclass(frozen=True)
class _Ask:
    """One right that is asked for, and how."""

    verb: str  # as Mosquitto's ACL says it
    topic_filter: str
    of: Callable[[Probe], ReasonCode | None]

    @property
    def name(self) -> str:
        return f"{self.verb} {self.topic_filter}"


def look_at_rights(
    findings: Findings, needs: Needs, user: str | None, new_probe: Callable[[], Probe]
) -> None:
    """Adds a result for each topic. Blocks.

    Some brokers end the connection instead of an answer: the next topic has a new one.
    """
    asks = [
        *(_Ask("write", one.topic_filter, _publishing(one.message)) for one in needs.writes),
        *(_Ask("read", one.topic_filter, _subscribing(one.tried)) for one in needs.reads),
    ]
    while asks:
        try:
            with new_probe() as probe:
                while asks and not probe.end:
                    ask = asks.pop(0)
                    if ask.verb == "write" and not probe.answers_publishers:
                        findings.skipped(ask.name, "the broker knows only QoS 0: it does not say")
                        continue
                    answer = ask.of(probe)
                    _note(findings, ask, user, answer, probe.end)
        except (NoAnswer, Refused) as error:
            name = asks.pop(0).name
            findings.skipped(name, f"the broker did not let us in once more ({error})")


def _publishing(message: Message) -> Callable[[Probe], ReasonCode | None]:
    return lambda probe: probe.publish(message)


def _subscribing(topic_filter: str) -> Callable[[Probe], ReasonCode | None]:
    return lambda probe: probe.subscribe(topic_filter)


def _note(
    findings: Findings, ask: _Ask, user: str | None, answer: ReasonCode | None, end: str
) -> None:
    if answer is not None and answer.value < _FAILURE:
        findings.ok(ask.name, "allowed" if ask.verb == "write" else "granted")
        return
    said = str(answer) if answer is not None else end or "no answer"
    who = user or "a client without an account"
    what = "publish on" if ask.verb == "write" else "subscribe to"
    is_denied = answer is None or answer.value == _DENIED
    findings.wrong(
        ask.name,
        f"{who} may not {what} it ({said})" if is_denied else f"the broker refuses it ({said})",
        f"Give it the right; in Mosquitto's ACL, below `user {user or '...'}`: "
        f"topic {ask.name}  and then: docker compose up -d && docker compose restart mosquitto",
    )
