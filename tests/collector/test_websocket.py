"""The websocket that is read by lines: nothing is lost, and no more is held than must be."""

import asyncio

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from bluenova_collector.console.websocket import MOST_WAITING, LineConnection

MANY = 200_000
# What one read of the socket can hold of lines as short as these.
OF_ONE_READ = 256 * 1024 // 8


def test_lines_that_nobody_takes_stop_the_reading_and_all_of_them_come_in_order() -> None:
    async def pour(connection: ServerConnection) -> None:
        for start in range(0, MANY, 1000):
            await connection.send("\n".join(f"{n:07}" for n in range(start, start + 1000)))
        await connection.close()

    async def take() -> tuple[int, list[str]]:
        async with serve(pour, "127.0.0.1", 0, compression=None) as server:
            port = server.sockets[0].getsockname()[1]
            uri = f"ws://127.0.0.1:{port}/"
            async with connect(
                uri, proxy=None, compression=None, create_connection=LineConnection
            ) as connection:
                assert isinstance(connection, LineConnection)
                await asyncio.sleep(0.5)  # nobody takes any
                lines = await connection.lines()
                waited = len(lines)
                while len(lines) < MANY:
                    lines += await connection.lines()
                return waited, lines

    waited, lines = asyncio.run(take())
    assert MOST_WAITING < waited <= MOST_WAITING + OF_ONE_READ
    assert lines == [f"{n:07}" for n in range(MANY)]
