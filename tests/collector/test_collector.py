"""What the collector returns: it does nothing itself."""

from datetime import UTC, datetime

import pytest

from bluenova_collector.collector import Closed, Collector
from bluenova_collector.console.rules import read
from bluenova_collector.intervals import BUILT_S
from bluenova_collector.memory import Memory
from bluenova_shared.message import Message
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.topics import Topics
from bluenova_shared.wire import Event

TOPICS = Topics()
ONE, OTHER = "1A2B3C4D", "5E6F7081"
START_S = (BUILT_S // 10 + 100) * 10


def collector(memory: Memory | None = None) -> Collector:
    return Collector(
        TOPICS,
        "c0ffee12",
        memory or Memory(),
        interval_s=10,
        offline_after_s=60,
        spread_alarm_v=0.1,
        wall_s=START_S,
        steady_s=0.0,
    )


def say(one: Collector, *lines: str, at_s: float = 1.0) -> list[Message]:
    return [message for line in lines for message in one.handle(read(line), at_s)]


def close(one: Collector, after_s: float = 10.5) -> Closed:
    closed = one.close(START_S + after_s, after_s)
    assert closed is not None
    return closed


def availability(mcu_id: str, state: str) -> Message:
    return Message(TOPICS.availability(mcu_id), state, qos=1, retain=True)


def test_a_battery_is_online_with_its_first_readable_line_and_told_once() -> None:
    one = collector()
    assert say(one, "SOC: 5", "tick") == [], "nobody knows yet whose it is"
    assert say(one, "MCU ID: xyz") == []
    assert say(one, f"MCU ID: {ONE}", "SOC: 6") == [availability(ONE, "online")]
    assert one.gone_offline(61.0) == []
    assert one.gone_offline(61.1) == [availability(ONE, "offline")]
    assert one.gone_offline(99.0) == []
    assert say(one, "SOC: 7", at_s=100.0) == [availability(ONE, "online")]


def test_the_end_of_an_interval_brings_a_live_snapshot_and_what_explains_gaps() -> None:
    one = collector()
    say(one, f"MCU ID: {ONE}", "SOC: 6")
    assert one.close(START_S + 9.9, 9.9) is None
    closed = close(one)
    (snapshot,) = closed.live
    assert (snapshot.mcu_id, snapshot.soc) == (ONE, 6)
    assert snapshot.time == datetime.fromtimestamp(START_S + 10, UTC)
    assert snapshot.id is not None
    (event,) = closed.for_recorder
    assert isinstance(event, Event)
    assert event.event == "collector_started"
    assert closed.memory == Memory(ONE, {}, START_S + 10, [ONE], [])
    assert one.last_snapshot == {ONE: snapshot.time}


def test_snapshots_that_waited_for_a_name_are_for_the_recorder_alone() -> None:
    one = collector()
    say(one, "SOC: 5")
    assert close(one).live == []
    say(one, f"MCU ID: {ONE}", "SOC: 6")
    closed = close(one, 20.5)
    (late,) = [item for item in closed.for_recorder if isinstance(item, Snapshot)]
    assert (late.soc, late.time) == (5, datetime.fromtimestamp(START_S + 10, UTC))
    assert [snapshot.soc for snapshot in closed.live] == [6]


def test_the_stop_says_that_every_battery_is_offline_and_why_there_will_be_a_gap() -> None:
    one = collector(Memory(present=[ONE]))
    say(one, f"MCU ID: {OTHER}")
    close(one)
    closed, offline = one.stop(START_S + 15)
    assert offline == [availability(OTHER, "offline")]
    assert closed.live == []
    stopped = {item.mcu_id for item in closed.for_recorder if isinstance(item, Event)}
    assert stopped == {ONE, OTHER}


def test_a_lost_connection_to_the_battery_ends_a_pair_of_energy_totals() -> None:
    one = collector()
    say(one, f"MCU ID: {ONE}", "DEBUG: CALC PACK_CHARGE, STORE IN FLASH", "Write EnergyOut: 1")
    one.console_lost()
    say(one, "Write EnergyOut: 2")
    (snapshot,) = close(one).live
    assert (snapshot.energy_out, snapshot.energy_in) == (1, None)


def test_more_cells_than_can_be_stored_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    one = collector()
    for number, cells in enumerate((16, 20, 20, 24), 1):
        say(one, f"MCU ID: {ONE}", f"CellCount: {cells}")
        close(one, 10 * number + 0.5)
    said = [record.getMessage() for record in caplog.records if "cells" in record.msg]
    assert [line.partition(":")[0] for line in said] == [
        f"Battery {ONE} says that it has {cells} cells" for cells in (20, 24)
    ]


def test_a_broker_that_has_accepted_us_hears_who_is_online() -> None:
    one = collector()
    own = Message(TOPICS.collector("c0ffee12"), "online", qos=1, retain=True)
    assert one.greeting() == [own]
    say(one, f"MCU ID: {ONE}")
    assert one.greeting() == [own, availability(ONE, "online")]


def test_a_clock_that_cannot_be_right_and_one_that_is_set_are_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    one = collector()
    is_set = []
    for wall_s in (1000.0, 1001.0, START_S + 5.0):
        one.close(wall_s, 1.0)
        is_set.append(one.clock_is_set)
    assert is_set == [False, False, True]
    assert [record.getMessage().partition(",")[0] for record in caplog.records] == [
        "The clock says 1970-01-01",
        "The clock is set: going on",
    ]


def test_of_a_line_that_is_readable_in_part_each_value_counts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = collector(Memory(mcu_id=ONE))
    said = one.handle(read("C07) T: 31, V: abc"), 1.0)
    assert said == [availability(ONE, "online")]
    (snapshot,) = close(one).live
    assert (snapshot.cell_t[6], snapshot.cell_v[6]) == (31, None)
    assert one.unreadable == {"C07) T: ": 1}
    assert "Unreadable: 'C07) T: 31, V: abc': no number" in caplog.text


def test_unreadable_lines_are_counted_by_their_prefix_and_one_of_each_is_logged_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = collector()
    for at_s in (1.0, 2.0, 3.0, 61.0):
        say(one, "SOC: x", at_s=at_s)
    say(one, "Temp: x", at_s=61.0)
    assert one.unreadable == {"SOC: ": 4, "Temp: ": 1}
    said = [record.getMessage() for record in caplog.records if "Unreadable" in record.msg]
    assert len(said) == 3
    assert said[1].endswith("(2 more since this was last said)")
