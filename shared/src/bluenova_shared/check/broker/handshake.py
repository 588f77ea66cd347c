"""Whether TLS is spoken at a port that does not answer in clear."""

import contextlib
import socket
import ssl

WITHIN_S = 3.0


def speaks_tls(host: str, port: int) -> bool:
    """Whether TLS is spoken there, with whatever certificate: nothing is sent over it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        contextlib.suppress(OSError),
        socket.create_connection((host, port), timeout=WITHIN_S) as bare,
    ):
        try:
            context.wrap_socket(bare, server_hostname=host).close()
        except ssl.SSLError as error:
            # Only who speaks TLS sends an alert: that it wants our certificate, say.
            return "alert" in str(error).lower()
        return True
    return False
