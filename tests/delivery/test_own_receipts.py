"""A collector hears the receipts of its own batteries, and no others."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.driven import TOPICS, Driven
from tests.support.factories import MCU_ID, OTHER_MCU_ID

from bluenova_collector.loops import MOST_BATTERIES


@pytest.fixture
def driven(tmp_path: Path) -> Iterator[Driven]:
    one = Driven(tmp_path, broker=True)
    yield one
    one.outbox.close()


def test_it_hears_them_before_anything_goes_out_that_they_may_name(driven: Driven) -> None:
    driven.run(hours=0.01)
    assert driven.topics_heard == {TOPICS.recorded(MCU_ID)}
    assert driven.unheard == []
    driven.say(f"MCU ID: {OTHER_MCU_ID}")
    driven.silent = True
    driven.say("SOC: 50")
    driven.run(hours=0.01)
    assert driven.topics_heard == {TOPICS.recorded(one) for one in (MCU_ID, OTHER_MCU_ID)}
    assert driven.unheard == []


def test_what_waits_since_before_a_restart_is_heard_of_before_it_is_sent(tmp_path: Path) -> None:
    before = Driven(tmp_path)
    before.run(hours=0.1)
    before.outbox.close()
    after = Driven(tmp_path, broker=True, now_s=before.now_s)
    after.silent = True
    after.run(hours=0.1)
    assert any(message.topic == TOPICS.backlog(MCU_ID) for message in after.heard)
    assert after.topics_heard == {TOPICS.recorded(MCU_ID)}
    assert after.unheard == []
    after.outbox.close()


def test_garbled_ids_without_end_make_it_hear_all_and_not_ever_more(driven: Driven) -> None:
    driven.silent = True
    for number in range(3 * MOST_BATTERIES):
        driven.say(f"MCU ID: {number:08X}", "SOC: 50")
        driven.run(hours=0.004)
    assert TOPICS.recorded("+") in driven.topics_heard
    assert len(driven.topics_heard) <= MOST_BATTERIES + 1
    assert driven.unheard == []
