"""The topics, as other programs and the broker's access rules know them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.strategies import mcu_ids

from bluenova_shared.topics import Topics, share_filter


def test_the_topics_are_the_contracts() -> None:
    topics = Topics()
    assert topics.snapshot("1A2B3C4D") == "bluenova/1A2B3C4D/snapshot"
    assert topics.availability("1A2B3C4D") == "bluenova/1A2B3C4D/availability"
    assert topics.status("1A2B3C4D") == "bluenova/1A2B3C4D/status"
    assert topics.backlog("1A2B3C4D") == "bluenova/1A2B3C4D/backlog"
    assert topics.recorded("1A2B3C4D") == "bluenova/1A2B3C4D/recorded"
    assert topics.collector("c0ffee12") == "bluenova/collector/c0ffee12"
    assert topics.recorder() == "bluenova/recorder"
    assert Topics("home/battery").snapshot("+") == "home/battery/+/snapshot"
    assert share_filter("recorders", "b/+/snapshot") == "$share/recorders/b/+/snapshot"


@given(mcu_ids, st.sampled_from(["bluenova", "home/battery", "a.b*"]))
def test_a_batterys_topic_names_its_mcu_id(mcu_id: str, root: str) -> None:
    topics = Topics(root)
    assert topics.mcu_of(topics.snapshot(mcu_id)) == mcu_id
    assert topics.mcu_of(topics.availability(mcu_id)) == mcu_id


@pytest.mark.parametrize(
    "topic",
    [
        pytest.param("bluenova/collector/c0ffee12", id="a collector's"),
        pytest.param("bluenova/1a2b3c4d/snapshot", id="one in lower case"),
        pytest.param("bluenova/1A2B3C4D", id="one without a last level"),
        pytest.param("bluenova/1A2B3C4D5/snapshot", id="one of nine digits"),
        pytest.param("other/1A2B3C4D/snapshot", id="another root's"),
        pytest.param("xbluenova/1A2B3C4D/snapshot", id="a root with a letter more"),
        pytest.param("1A2B3C4D/snapshot", id="one without a root"),
        pytest.param("bluenova//1A2B3C4D/snapshot", id="one with an empty level"),
        pytest.param("", id="an empty one"),
    ],
)
def test_no_batterys_topic_is(topic: str) -> None:
    assert Topics().mcu_of(topic) is None


@given(st.text())
def test_no_topic_breaks_the_reader(topic: str) -> None:
    mcu_id = Topics().mcu_of(topic)
    assert mcu_id is None or topic.startswith(f"bluenova/{mcu_id}/")
