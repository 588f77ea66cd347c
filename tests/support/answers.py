"""A server that answers as the test says: brokers that are none, or odd ones."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress


@contextmanager
def that_answers(answer: Callable[[bytes], bytes], *, for_long: bool = False) -> Iterator[int]:
    """The port of a server that answers a packet so, and hangs up; or `for_long` each packet."""

    def talk(client: socket.socket) -> None:
        with client, suppress(OSError):
            while packet := client.recv(1000):
                client.sendall(answer(packet))
                if not for_long:
                    return

    def serve(server: socket.socket) -> None:
        with suppress(OSError):  # it is closed
            while True:
                threading.Thread(target=talk, args=server.accept()[:1], daemon=True).start()

    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
