"""What a collector needs to do at the broker, and harmless ways to try it.

What is tried is for nobody: the topics are those of an MCU ID that no battery has, the messages
are empty and not retained. A recorder ignores an empty message without a word, as it clears a
retained one; Home Assistant subscribes to the topics of batteries that it knows. On a topic of
discovery an empty message would be a warning in its log: there it is told to let go of what it
knows under that name, which is nothing.
"""

from bluenova_shared.check.broker.abilities import Lengths
from bluenova_shared.check.broker.rights import Needs, Read, Write
from bluenova_shared.message import Message
from bluenova_shared.topics import NOBODY, Topics
from bluenova_shared.wire import CHUNK_BYTES

# The longest message of discovery has 6,300 bytes (docs/home-assistant.md).
NEEDED_BYTES = 8192
# A name that no collector has: theirs are of eight hex digits.
NO_COLLECTOR = "check"


def needs(topics: Topics, *, has_recorder: bool, discovery: bool) -> Needs:
    """The topics that a collector publishes on and hears."""
    writes = [
        *((topics.snapshot("+"), topics.snapshot(NOBODY)),),
        *((topics.availability("+"), topics.availability(NOBODY)),),
        *((topics.status("+"), topics.status(NOBODY)),),
        *((topics.collector("+"), topics.collector(NO_COLLECTOR)),),
    ]
    reads = []
    if has_recorder:
        writes.append((topics.backlog("+"), topics.backlog(NOBODY)))
        reads += [
            Read(topics.recorded("+"), topics.recorded(NOBODY)),
            Read(topics.recorder(), topics.recorder()),
        ]
    tried = [Write(wanted, Message(topic, "")) for wanted, topic in writes]
    if discovery:
        # As the collector's own first word of a discovery: see homeassistant/discovery.py.
        let_go = Message(topics.discovery(NOBODY), '{"migr_discvry":true}')
        tried.append(Write(topics.discoveries(), let_go))
        reads += [Read(topic, topic) for topic in sorted(topics.home_assistant_states())]
    return Needs(tried, reads)


def lengths(topics: Topics) -> Lengths:
    """How long a collector's messages are; what is tried is JSON with nothing in it."""

    def trial(length: int) -> Message:
        return Message(topics.status(NOBODY), "{}".ljust(length))

    return Lengths(CHUNK_BYTES, NEEDED_BYTES, trial)
