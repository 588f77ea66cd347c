"""Which packets are read without paho, and that nothing else is touched, however the bytes come."""

import socket
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluenova_shared.message import Message
from bluenova_shared.mqtt.buffered import TO_PAHO_EVERY_S, BufferedSocket
from bluenova_shared.mqtt.plain import LONGEST_BYTES, length_of_packet, take_plain

PLAIN = b"\x30\x06\0\x02in\0!"
HEARD = Message("in", b"!")
PING = b"\xd0\0"


def packet(first: int, body: bytes) -> bytes:
    """A packet of MQTT: its first byte, its length in bytes of seven bits, its body."""
    rest, length = len(body), bytearray()
    while True:
        rest, digit = divmod(rest, 128)
        length.append(digit | (0x80 if rest else 0))
        if not rest:
            return bytes([first]) + length + body


def a_message(payload: bytes, *, first: int = 0x30, topic: bytes = b"in") -> bytes:
    """A message's packet without properties, of QoS 0 unless its first byte tells another."""
    return packet(first, len(topic).to_bytes(2) + topic + b"\0" + payload)


def test_plain_messages_are_taken_up_to_the_first_packet_of_another_kind() -> None:
    came = a_message(b"1") + a_message(b"", first=0x31) + PING + PLAIN
    assert take_plain(came, 0) == (
        [Message("in", b"1"), Message("in", b"", retain=True)],
        len(came) - len(PING + PLAIN),
        len(PING),
    )
    assert take_plain(came, len(came) - len(PLAIN)) == ([HEARD], len(came), 0)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(PING, id="an answer to a ping"),
        pytest.param(a_message(b"\0\1!", first=0x32), id="QoS 1"),
        pytest.param(a_message(b"\0\1!", first=0x34), id="QoS 2"),
        pytest.param(a_message(b"!", first=0x38), id="said twice, which QoS 0 is not"),
        pytest.param(packet(0x30, b"\0\x02in\x02\x01\x01!"), id="a property"),
        pytest.param(packet(0x30, b"\0\0\x03\x23\0\1!"), id="an alias for its topic"),
        pytest.param(a_message(b"!", topic=b"\xff"), id="a topic that is no text"),
        pytest.param(packet(0x30, b"\0\x09in\0!"), id="a topic longer than the packet"),
        pytest.param(packet(0x30, b"\0\x02in"), id="without the length of its properties"),
        pytest.param(packet(0x30, b"\0"), id="too short"),
        pytest.param(packet(0x30, b""), id="empty"),
        pytest.param(a_message(b"x" * LONGEST_BYTES), id="long"),
    ],
)
def test_all_others_are_left_whole(other: bytes) -> None:
    for more in (PLAIN, b"\0", b""):
        assert take_plain(PLAIN + other + more, 0) == ([HEARD], len(PLAIN), len(other))
    assert length_of_packet(PLAIN + other, len(PLAIN)) == len(other)


@pytest.mark.parametrize("came", range(len(PLAIN)))
def test_a_plain_message_waits_until_it_is_whole(came: int) -> None:
    assert take_plain(PLAIN + PLAIN[:came], 0) == ([HEARD], len(PLAIN), 0)


@pytest.mark.parametrize(
    ("body", "header"),
    [(100, 2), (1000, 3), (20_000, 4), (2_100_000, 5)],
    ids=["a length of one byte", "of two", "of three", "of four"],
)
def test_another_packet_need_not_be_whole_once_its_length_is(body: int, header: int) -> None:
    long = packet(0x32, bytes(body))
    expected = [0] * header + [header + body]
    assert [take_plain(long[:came], 0).rest for came in range(header + 1)] == expected
    assert [length_of_packet(long[:came], 0) for came in range(header + 1)] == expected


def test_a_length_that_is_none_is_left_to_paho_which_reads_six_bytes_of_it() -> None:
    bad = b"\x30" + 5 * b"\xff" + PLAIN
    assert take_plain(bad, 0) == ([], 0, 6)
    assert take_plain(bad[:4], 0) == ([], 0, 0)
    assert [length_of_packet(bad[:came], 0) for came in range(7)] == [0, 0, 0, 0, 0, 6, 6]


def test_a_packet_a_second_is_left_to_paho_and_no_more() -> None:
    heard = list[Message]()
    theirs, ours = socket.socketpair()
    with theirs, ours:
        buffered = BufferedSocket(ours, heard.append)
        buffered.setblocking(False)
        time.sleep(1.1 * TO_PAHO_EVERY_S)
        theirs.sendall(3 * PLAIN)
        assert buffered.recv(99) == PLAIN
        with pytest.raises(BlockingIOError):
            buffered.recv(99)
        assert heard == [HEARD, HEARD]


PAYLOADS = st.binary(max_size=300)
# Packets, and what is to become of each: a message of its own, or the same bytes.
PACKETS = st.one_of(
    PAYLOADS.map(lambda payload: (a_message(payload), Message("in", payload))),
    PAYLOADS.map(lambda p: (a_message(p, first=0x31), Message("in", p, retain=True))),
    st.builds(packet, st.sampled_from([0x20, 0x32, 0x3D, 0x40, 0xD0]), PAYLOADS).map(
        lambda one: (one, one)
    ),
)


@given(st.lists(PACKETS, max_size=20), st.lists(st.integers(1, 40), min_size=1))
def test_however_the_bytes_come_and_are_asked_for_nothing_is_lost_or_out_of_its_place(
    packets: list[tuple[bytes, Message | bytes]], pieces: Sequence[int]
) -> None:
    came = list[Message | bytes]()
    theirs, ours = socket.socketpair()
    with theirs, ours:
        buffered = BufferedSocket(ours, came.append)
        buffered.setblocking(False)
        stream, turn = b"".join(sent for sent, _ in packets), 0
        while stream:
            size = pieces[turn % len(pieces)] ** 2
            theirs.sendall(stream[:size])
            stream, turn = stream[size:], turn + 1
            read_all(buffered, came, pieces[turn % len(pieces)])
    assert joined(came) == [expected for _, expected in packets]


def read_all(buffered: BufferedSocket, came: list[Message | bytes], most: int) -> None:
    """Reads in pieces, as paho does, until nothing more has come."""
    while True:
        try:
            came.append(buffered.recv(most))
        except BlockingIOError:
            if not buffered.pending():
                return


def joined(came: Sequence[Message | bytes]) -> list[Message | bytes]:
    """The packets of these pieces, between the messages."""
    packets, rest = list[Message | bytes](), b""
    for one in came:
        if isinstance(one, Message):
            assert not rest, "a message in the middle of a packet"
            packets.append(one)
            continue
        rest += one
        if len(rest) == length_of_packet(rest, 0):
            packets.append(rest)
            rest = b""
    assert not rest
    return packets
