"""Takes plain messages off the front of what has come. Pure.

A message of QoS 0 without properties needs no answer: it is only a topic and a payload. Nearly all
are of this kind. paho takes twenty times as long for one, much of it for properties that are not
there. All other packets are paho's to read, and to complain of.
"""

from typing import NamedTuple

from bluenova_shared.message import Message

# The first byte of a message of QoS 0, and the bit in it that tells a retained one.
_QOS_0, _RETAINED = 0x30, 0x01
# A longer one is paho's, so that what waits to be whole stays short.
LONGEST_BYTES = 64 * 1024
# The length has at most four bytes. What has a fifth is given to paho as far as that one.
_MOST_LENGTH_BYTES = 4
_BAD_HEADER_BYTES = 1 + _MOST_LENGTH_BYTES + 1


class Front(NamedTuple):
    """The plain messages at the front, and what follows them.

    `end` is where they end, `rest` how many bytes the packet there has; 0 if it is to wait until
    more has come.
    """

    messages: list[Message]
    end: int
    rest: int


def take_plain(data: bytes, at: int) -> Front:
    """Takes the messages that begin at this place, up to the first packet that is none of them."""
    messages = list[Message]()
    while True:
        body, end = _body(data, at)
        if not end:
            return Front(messages, at, 0)
        if data[at] & ~_RETAINED != _QOS_0 or end - at > LONGEST_BYTES:
            return Front(messages, at, end - at)
        if end > len(data):
            return Front(messages, at, 0)
        message = _message(data, at, body, end)
        if message is None:
            return Front(messages, at, end - at)
        messages.append(message)
        at = end


def length_of_packet(data: bytes, at: int) -> int:
    """How many bytes the packet has that begins at this place; 0 if that has not come yet."""
    _, end = _body(data, at)
    return end - at if end else 0


def _body(data: bytes, at: int) -> tuple[int, int]:
    """Where the body begins and ends of the packet at this place; zeros if that has not come."""
    length, shift = 0, 0
    first = at + 1
    for place in range(first, min(first + _MOST_LENGTH_BYTES, len(data))):
        byte = data[place]
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            return place + 1, place + 1 + length
        shift += 7
    if shift < 7 * _MOST_LENGTH_BYTES:
        return 0, 0
    return at + _BAD_HEADER_BYTES, at + _BAD_HEADER_BYTES


def _message(data: bytes, at: int, body: int, end: int) -> Message | None:
    """The message that this packet is; None if it has properties, or is not as it should be."""
    topic = body + 2
    properties = topic + int.from_bytes(data[body:topic])
    if properties >= end or data[properties] != 0:
        return None
    try:
        name = data[topic:properties].decode()
    except UnicodeDecodeError:
        return None
    return Message(name, data[properties + 1 : end], 0, bool(data[at] & _RETAINED))
