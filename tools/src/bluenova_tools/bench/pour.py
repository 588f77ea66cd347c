"""Snapshots poured into a broker at a rate, by a socket alone: it must not be what is measured."""

import contextlib
import socket
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, islice

from bluenova_shared.snapshot import CELLS, Snapshot
from bluenova_shared.topics import Topics
from bluenova_tools.local import Mosquitto

BATTERIES = 100
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_NAME = b"bench-pour"
_CONNECT = b"\0\4MQTT\4\2\0\0" + len(_NAME).to_bytes(2) + _NAME  # MQTT 3.1.1, a clean session
_EVERY_S = 0.002


def pattern() -> Snapshot:
    """A snapshot as a collector sends it, all values given."""
    return Snapshot(
        time=FIRST,
        mcu_id="1A2B3C4D",
        id="0" * 16,
        n_units=1,
        unit_rank=0,
        cell_count=CELLS,
        cell_v=tuple(round(3.301 + cell / 1000, 3) for cell in range(CELLS)),
        cell_t=tuple(range(20, 20 + CELLS)),
        v_pack=53.123,
        i_pack=-12.5,
        temp=24,
        v_cell_min=3.301,
        v_cell_max=3.316,
        soc=87,
        health=99.4,
        errors="",
        system_state="DISCHARGE",
        breaker="CLOSED",
        charge_state="DISCHARGING",
        energy_in=1234.567,
        energy_out=1100.125,
        adc_vp=53.2,
        adc=(0.6105, 1.0625, 2.7312, 1.6125, 2.3815),
        cell_spread_alarm=False,
    )


class Snapshots:
    """Snapshots of 100 batteries in turn, 10 s apart, none of which comes twice."""

    def __init__(self) -> None:
        self._numbers = count()
        head, _, tail = pattern().to_json().encode().partition(b'"2026-01-01T00:00:00Z"')
        middle, _, end = tail.partition(b'"id":"' + b"0" * 16 + b'"')
        middle = middle.replace(b"1A2B3C4D", b"%08X")
        self._json = head + b'"%s"' + middle + b'"id":"%016x"' + end

    def packets(self, root: str, many: int) -> tuple[datetime, list[bytes]]:
        """So many as packets of MQTT, and the time of the first."""
        # A number is used up for all of a time, so that a time belongs to one call.
        while (first := next(self._numbers)) % BATTERIES:
            pass
        numbers = [first, *islice(self._numbers, many - 1)]
        return _time(first), [self._packet(Topics(root), number) for number in numbers]

    def _packet(self, topics: Topics, number: int) -> bytes:
        mcu = 0x1A000000 + number % BATTERIES
        time_of = f"{_time(number):%Y-%m-%dT%H:%M:%SZ}".encode()
        return publish_packet(topics.snapshot(f"{mcu:08X}"), self._json % (time_of, mcu, number))


def _time(number: int) -> datetime:
    return FIRST + timedelta(seconds=10 * (number // BATTERIES))


def publish_packet(topic: str, payload: bytes) -> bytes:
    """A PUBLISH at QoS 0."""
    body = len(topic).to_bytes(2) + topic.encode() + payload
    return b"\x30" + _length(len(body)) + body


def _length(size: int) -> bytes:
    """MQTT's way to write a length: seven bits in each byte, the least first."""
    low, high = size % 128, size // 128
    return bytes([low]) if high == 0 else bytes([low | 128]) + _length(high)


class Pour:
    """A connection to the broker into which packets go at a rate."""

    def __init__(self, broker: Mosquitto) -> None:
        self._socket = socket.create_connection((broker.host, broker.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(b"\x10" + _length(len(_CONNECT)) + _CONNECT)
        if self._socket.recv(4)[3:] != b"\0":
            raise ConnectionError("the broker refuses us")

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()

    def send(self, packets: Sequence[bytes], rate: float) -> None:
        """Sends them at so many a second, and returns when the last one is out."""
        began_s, sent = time.monotonic(), 0
        while sent < len(packets):
            due = min(len(packets), 1 + int((time.monotonic() - began_s) * rate))
            self._socket.sendall(b"".join(packets[sent:due]))
            sent = due
            time.sleep(_EVERY_S)


@contextlib.contextmanager
def pour_into(broker: Mosquitto) -> Iterator[Pour]:
    """A connection that is closed at the end."""
    with contextlib.closing(Pour(broker)) as one:
        yield one
