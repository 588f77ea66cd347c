"""`make demo`: the whole chain on this machine, from two simulated batteries to rows.

All services are the real ones, as child processes on free ports of the loopback address, with
their data in temporary folders. Nothing is left behind.
"""

import asyncio
import os
import signal
import sys
import time
from contextlib import ExitStack, closing, suppress

from rich.console import Console

from bluenova_shared.mqtt.broker import Broker
from bluenova_shared.program import (
    as_program,
    ignore_signals,
    interrupt,
    stop_requested,
)
from bluenova_shared.table import TABLE
from bluenova_shared.topics import Topics
from bluenova_tools.demo.chain import INTERVAL_S, Chain, say
from bluenova_tools.demo.rows import NEWEST_ROWS, newest_rows
from bluenova_tools.local import Service, ServiceError
from bluenova_tools.options import Parser, add_version
from bluenova_tools.signals import terminal_of_our_own, until_one_ends
from bluenova_tools.watch.__main__ import is_terminal, watch


async def show(chain: Chain, lasts_s: float | None) -> None:
    """Shows the live view until it is time. Raises ServiceError if a service ends by itself."""
    stop = stop_requested()
    if lasts_s is not None:
        asyncio.get_running_loop().call_later(lasts_s, stop.set)
    broker = Broker(chain.mosquitto.host, chain.mosquitto.port)
    watching = watch(broker, Topics(), stop, Console(), about=f"the page: {chain.page}")
    await until_one_ends(watching, _look_after(chain.services))


async def _look_after(services: list[Service]) -> None:
    while True:
        for child in (service.child for service in services):
            if not child.running:
                status = child.returncode
                raise child.error(f"{child.name} ended by itself with status {status}.")
        await asyncio.sleep(0.2)


def run(lasts_s: float | None) -> int:
    """Runs the demo until it is time or a signal comes. Returns how many rows were recorded.

    Raises ServiceError, with the tail of its log, if a service fails.
    """
    say("The BlueNova demo runs on this machine alone and leaves nothing behind.")
    say("It starts:")
    with ExitStack() as stack:
        chain = Chain(stack)
        say(f"Live view{f' for {lasts_s:g} s' if lasts_s else ''}; Ctrl-C ends it.")
        if is_terminal(Console()):
            time.sleep(1.5)  # for reading, before the view takes the screen
        began_s = time.monotonic()
        try:
            asyncio.run(show(chain, lasts_s))
        finally:
            ignore_signals()
        say("Ending collectors and recorder …")
        chain.finish()
        with closing(chain.database.connect()) as database:
            count, lines = newest_rows(database, chain.live_since)
        if count == 0 and time.monotonic() - began_s > 5 * INTERVAL_S:
            log = chain.recorder.child.tail()
            raise ServiceError(f"No row was recorded. The recorder's log:\n{log}")
    if count:
        say("\n".join([f"The newest rows of {TABLE}:", *lines]))
    if count > NEWEST_ROWS:
        say("…")
    return count


def _seconds(text: str) -> float | None:
    if not text:
        return None
    with suppress(ValueError):
        if 0 < (seconds := float(text)) < 1e6:
            return seconds
    raise ValueError(f"DEMO_SECONDS is {text!r}. Give seconds, for example DEMO_SECONDS=30.")


@as_program()
def main() -> int:
    """Runs the demo; `DEMO_SECONDS` in the environment ends it by itself."""
    about = "Run the whole chain on this machine, with two simulated batteries."
    ends = "DEMO_SECONDS=30 in the environment ends it after as many seconds; else Ctrl-C does."
    parser = Parser("bluenova-demo", description=about, epilog=ends)
    add_version(parser)
    parser.parse_args()
    signal.signal(signal.SIGTERM, interrupt)
    try:
        with terminal_of_our_own():
            count = run(_seconds(os.environ.get("DEMO_SECONDS", "")))
    except KeyboardInterrupt:
        say("Ended before it was all up. Nothing is left running.")
        return 0
    except (ServiceError, ValueError) as error:
        print(f"The demo failed. {error}", file=sys.stderr)
        return 1
    recorded = "1 row was" if count == 1 else f"{count} rows were"
    say(f"{recorded} recorded. Nothing is left running.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
