"""Work beside the event loop, and what stays of it."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from typing import Never

import pytest
from tests.support.harness import eventually

from bluenova_shared.threads import in_daemon_thread


class Batch:
    """Something that can be missed."""


@pytest.fixture
def no_looking_for_garbage() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_looking_for_garbage")
def test_what_the_operation_had_in_hand_is_free_when_its_error_is_handled() -> None:
    batches: list[weakref.ref[Batch]] = []

    def write() -> Never:
        batch = Batch()
        batches.append(weakref.ref(batch))
        raise ValueError("the table is locked")

    async def try_often() -> None:
        for _ in range(3):
            with pytest.raises(ValueError, match="locked"):
                await in_daemon_thread(write)

    asyncio.run(try_often())
    eventually(lambda: [batch() for batch in batches] == [None] * 3)
