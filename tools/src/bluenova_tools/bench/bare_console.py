"""The collector's bare loop: receives messages with websockets, and counts them.

    python -m bluenova_tools.bench.bare_console URI

It prints the count so far at each SIGUSR1.
"""

import asyncio
import signal
import sys

from websockets.asyncio.client import connect


async def count_lines(uri: str) -> None:
    """Counts until it is ended."""
    count = 0
    tell = asyncio.get_running_loop().add_signal_handler
    tell(signal.SIGUSR1, lambda: print(count, flush=True))
    async with connect(uri, proxy=None, compression=None, ping_interval=None) as connection:
        print("listens", flush=True)
        async for _ in connection:
            count += 1


if __name__ == "__main__":
    asyncio.run(count_lines(sys.argv[1]))
