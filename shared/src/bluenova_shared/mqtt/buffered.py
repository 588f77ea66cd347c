"""A socket with a buffer, for a library that reads in small pieces.

paho reads a packet in four pieces at least. Without a buffer each is a call of the system, which
lets go of Python's one lock; that took a sixth of a recorder's time.
"""

import socket
import ssl
import threading

# Longer than a record of TLS (16 KB): none is left within TLS, where `select` does not see it.
BUFFER_BYTES = 64 * 1024


class BufferedSocket:
    """A connected socket as paho needs one, maybe with TLS. One thread reads, any may write."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = b""
        self._taken = 0
        # OpenSSL lets no thread read while another writes. Neither waits: there is no blocking.
        self._one_at_a_time = threading.Lock()
        self.close = sock.close
        self.fileno = sock.fileno
        self.settimeout = sock.settimeout
        self.setblocking = sock.setblocking

    def recv(self, most: int) -> bytes:
        """Up to so many bytes of what has come; empty at the end. Raises what the socket raises."""
        if self._taken == len(self._buffer):
            with self._one_at_a_time:
                self._buffer, self._taken = self._sock.recv(BUFFER_BYTES), 0
        piece = self._buffer[self._taken : self._taken + most]
        self._taken += len(piece)
        return piece

    def send(self, data: bytes | bytearray) -> int:
        """Sends some of these bytes; returns how many. Raises what the socket raises."""
        with self._one_at_a_time:
            return self._sock.send(data)

    def pending(self) -> int:
        """How many bytes have come of which `select` knows nothing."""
        return len(self._buffer) - self._taken

    def do_handshake(self) -> None:
        """TLS's handshake, with TLS."""
        if isinstance(self._sock, ssl.SSLSocket):
            self._sock.do_handshake()


class Buffering:
    """What paho wraps its socket with, in place of TLS's context: TLS, if any, and a buffer."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
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
        return BufferedSocket(sock)
