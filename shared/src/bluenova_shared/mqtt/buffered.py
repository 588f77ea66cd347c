"""A socket with a buffer, for a library that reads in small pieces.

paho reads a packet in four pieces at least. Without a buffer each is a call of the system, which
lets go of Python's one lock; that took a sixth of a recorder's time. What is plain to read does not
get to paho at all.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable

from bluenova_shared.message import Message
from bluenova_shared.mqtt.plain import length_of_packet, take_plain

# Longer than a record of TLS (16 KB): none is left within TLS, where `select` does not see it.
BUFFER_BYTES = 64 * 1024
# paho gets one packet in so many seconds, plain or not: by what it reads it knows that the broker
# is alive, even if the answer to its ping is late.
TO_PAHO_EVERY_S = 1.0

Heard = Callable[[Message], None]


class BufferedSocket:
    """A connected socket as paho needs one, maybe with TLS. One thread reads, any may write.

    Plain messages are `heard` as soon as they have come. The rest is given out packet by packet.
    """

    def __init__(self, sock: socket.socket, heard: Heard) -> None:
        self._sock = sock
        self._heard = heard
        self._buffer = b""
        self._taken = 0
        self._rest = 0  # so many bytes of the packet that is being given out are to come
        self._is_whole = False  # whether what is left in the buffer may be a whole packet
        self._has_ended = False  # whether nothing comes after what is in the buffer
        self._to_paho_s = time.monotonic()
        # OpenSSL lets no thread read while another writes. Neither waits: there is no blocking.
        self._one_at_a_time = threading.Lock()
        self.close = sock.close
        self.fileno = sock.fileno
        self.settimeout = sock.settimeout
        self.setblocking = sock.setblocking

    def recv(self, most: int) -> bytes:
        """Up to so many bytes of a packet that is not plain; empty at the end.

        Raises what the socket raises, and BlockingIOError if no such packet has come.
        """
        if not self._left() and not self._receive():
            return b""
        if not self._rest:
            self._begin_packet()
        piece = self._buffer[self._taken : self._taken + min(most, self._rest)]
        self._taken += len(piece)
        self._rest -= len(piece)
        return piece

    def send(self, data: bytes | bytearray) -> int:
        """Sends some of these bytes; returns how many. Raises what the socket raises."""
        with self._one_at_a_time:
            return self._sock.send(data)

    def pending(self) -> int:
        """How many bytes have come that can be read, and of which `select` knows nothing.

        An end of which it knows nothing counts as one.
        """
        return self._left() or int(self._has_ended)

    def do_handshake(self) -> None:
        """TLS's handshake, with TLS."""
        if isinstance(self._sock, ssl.SSLSocket):
            self._sock.do_handshake()

    def _left(self) -> int:
        return len(self._buffer) - self._taken if self._is_whole else 0

    def _receive(self) -> bool:
        """Adds what has come to what is left; False at the end."""
        if self._has_ended:
            return False
        with self._one_at_a_time:
            more = self._sock.recv(BUFFER_BYTES)
            if isinstance(self._sock, ssl.SSLSocket):
                further, self._has_ended = _further_records(self._sock, len(more))
                more += further
        self._buffer, self._taken = self._buffer[self._taken :] + more, 0
        self._is_whole = bool(more)
        return self._is_whole

    def _begin_packet(self) -> None:
        """Finds the next packet that paho is to read. Raises BlockingIOError if there is none."""
        now_s = time.monotonic()
        if now_s - self._to_paho_s < TO_PAHO_EVERY_S:
            messages, self._taken, self._rest = take_plain(self._buffer, self._taken)
            for message in messages:
                self._heard(message)
        else:
            self._rest = length_of_packet(self._buffer, self._taken)
        if not self._rest:
            self._is_whole = False
            raise BlockingIOError
        self._to_paho_s = now_s


def _further_records(sock: ssl.SSLSocket, came_bytes: int) -> tuple[bytes, bool]:
    """What has come after a first record, and whether it is the last: by a farewell or an error.

    Nearly each message is a record of its own. To ask the system and paho in between takes as long
    again as to read them.
    """
    records = list[bytes]()
    while came_bytes < BUFFER_BYTES:
        try:
            record = sock.recv(BUFFER_BYTES)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            break
        except OSError:
            record = b""
        if not record:
            return b"".join(records), True
        records.append(record)
        came_bytes += len(record)
    return b"".join(records), False


class Buffering:
    """What paho wraps its socket with, in place of TLS's context: TLS, if any, and a buffer."""

    def __init__(self, tls: ssl.SSLContext | None, heard: Heard) -> None:
        self._tls = tls
        self._heard = heard
        self.check_hostname = tls is not None and tls.check_hostname

    def wrap_socket(
        self,
        sock: socket.socket,
        server_hostname: str | None = None,
        *,
        do_handshake_on_connect: bool,
    ) -> BufferedSocket:
        """Returns the socket with TLS, if any, and a buffer around it."""
        if self._tls is not None:
            sock = self._tls.wrap_socket(
                sock,
                server_hostname=server_hostname,
                do_handshake_on_connect=do_handshake_on_connect,
            )
        return BufferedSocket(sock, self._heard)
