"""What the broker can do: keep messages, take long ones, share a subscription."""

from collections.abc import Callable
from dataclasses import dataclass

from bluenova_shared.check.broker.probe import NoAnswer, Probe, Refused
from bluenova_shared.check.result import Findings, size
from bluenova_shared.message import Message
from bluenova_shared.mqtt.broker import OVERHEAD_BYTES

RETAINED, LENGTH, SHARED = "broker retained", "broker packet size", "broker sharing"


@dataclass(frozen=True)
class Lengths:
    """What we send, in bytes: the longest message, and that which we cannot do without.

    `trial` makes a message of a length that nobody acts upon; None if there is no such topic.
    """

    longest: int
    needed: int
    trial: Callable[[int], Message] | None = None


def look_at_retained(findings: Findings, probe: Probe) -> None:
    """Adds `broker retained`."""
    if getattr(probe.properties, "RetainAvailable", 1):
        findings.ok(RETAINED, "it keeps messages")
        return
    findings.warning(
        RETAINED,
        "the broker keeps no messages: others learn of a battery's availability at its next "
        "change, and Home Assistant of a battery only when that is announced again",
        "Switch retained messages on in the broker; what is recorded does not depend on them",
    )


def look_at_sharing(findings: Findings, probe: Probe) -> bool:
    """Adds `broker sharing`; false if it is wrong."""
    if getattr(probe.properties, "SharedSubscriptionAvailable", 1):
        findings.ok(SHARED, "it lets recorders share the work")
        return True
    findings.wrong(
        SHARED,
        "the broker has no shared subscriptions ($share/...), which the recorder uses",
        "Switch them on in the broker, or use Mosquitto: docker compose up -d mosquitto",
    )
    return False


def look_at_length(
    findings: Findings, probe: Probe, lengths: Lengths, new_probe: Callable[[], Probe]
) -> None:
    """Adds `broker packet size`: what the broker says, or else what comes of a trial."""
    most = getattr(probe.properties, "MaximumPacketSize", None)
    if most is not None:
        _judge(findings, most - OVERHEAD_BYTES - 64, lengths, f"it takes {size(most)} in a message")
        return
    if lengths.trial is None or not probe.answers_publishers:
        findings.ok(LENGTH, "it names no limit")
        return
    for length in (lengths.longest, lengths.needed):
        try:
            with new_probe() as one:
                answer = one.publish(lengths.trial(length))
        except (NoAnswer, Refused) as error:
            findings.skipped(LENGTH, f"the broker did not let us in once more ({error})")
            return
        if answer is None and "Not authorized" in one.end:
            findings.skipped(LENGTH, "not tried, for want of a right (see below)")
            return
        if answer is not None:  # refused for want of a right or not: it came through
            _judge(findings, length, lengths, f"one of {size(length)} gets through")
            return
    _judge(findings, 0, lengths, f"one of {size(lengths.needed)} does not get through")


def _judge(findings: Findings, most: int, lengths: Lengths, found: str) -> None:
    cure = (
        f"Let the broker take {lengths.longest + 1024} bytes in a packet (in mosquitto.conf: "
        f"max_packet_size {1 << lengths.longest.bit_length()}, and no message_size_limit), and "
        "restart it: docker compose restart mosquitto"
    )
    if most >= lengths.longest:
        findings.ok(LENGTH, f"{found}, and our longest has {size(lengths.longest)}")
    elif most >= lengths.needed:
        limit = f"{found}; the longest of ours would have {size(lengths.longest)}: what was kept"
        findings.warning(LENGTH, f"{limit} goes out in shorter pieces", cure)
    else:
        findings.wrong(LENGTH, f"{found}; we need {size(lengths.needed)}", cure)
