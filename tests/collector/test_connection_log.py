"""What the log says of a battery that cannot be reached for long."""

import asyncio
from contextlib import aclosing

import pytest

from bluenova_collector.console.connection import SAME_LINE_EVERY_S, Address, Console


def test_what_goes_on_is_said_again_after_a_while_and_how_often_it_was_not_said(
    free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    now_s, attempts = 0.0, 0

    async def story() -> None:
        nonlocal now_s, attempts
        console = Console(
            Address("127.0.0.1", free_port, "/ws/"),
            lambda: now_s,
            handshake_s=5,
            silence_s=5,
            pauses_s=[0.01],
        )
        async with aclosing(console.events()) as events:
            async for _ in events:
                attempts += 1
                if attempts == 3:
                    now_s = SAME_LINE_EVERY_S
                if attempts == 5:
                    break

    asyncio.run(asyncio.wait_for(story(), 20))
    first, again = [record.getMessage() for record in caplog.records]
    assert first.startswith(f"Cannot reach the battery at 127.0.0.1:{free_port}: ")
    assert again == f"{first} (2 more since this was last said)"
