"""The recorder's bare loop: subscribes with paho, and counts what comes.

    python -m bluenova_tools.bench.bare_mqtt HOST PORT FILTER

It prints the count so far at each SIGUSR1.
"""

import signal
import sys

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion


def main() -> None:
    """Counts until it is ended."""
    host, port, topic_filter = sys.argv[1:]
    count = 0

    def hear(*_: object) -> None:
        nonlocal count
        count += 1

    def subscribe(*_: object) -> None:
        client.subscribe(topic_filter)

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_connect = subscribe
    client.on_subscribe = lambda *_: print("listens", flush=True)
    client.on_message = hear
    signal.signal(signal.SIGUSR1, lambda *_: print(count, flush=True))
    client.connect(host, int(port))
    client.loop_forever()


if __name__ == "__main__":
    main()
