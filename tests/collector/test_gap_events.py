"""Which events explain gaps: decided interval by interval."""

from bluenova_collector.gap_events import GapEvents
from bluenova_collector.intervals import BUILT_S
from bluenova_shared.wire import Event

START_S = BUILT_S + 1000
ONE, OTHER = "1A2B3C4D", "5E6F7081"


def short(events: list[Event]) -> list[tuple[str, str, int]]:
    """What, of which battery, how many seconds after START_S."""
    return [(e.event, e.mcu_id, int(e.time.timestamp()) - START_S) for e in events]


def test_a_battery_that_gives_snapshots_has_its_start_told_once() -> None:
    gaps = GapEvents(10, START_S + 3)
    assert short(gaps.interval(START_S + 10, [ONE])) == [("collector_started", ONE, 3)]
    assert gaps.interval(START_S + 20, [ONE]) == []
    assert short(gaps.interval(START_S + 30, [ONE, OTHER])) == [("collector_started", OTHER, 3)]


def test_a_missing_battery_is_lost_at_the_end_of_the_first_interval_without_it_and_then_back() -> (
    None
):
    gaps = GapEvents(10, START_S)
    gaps.interval(START_S + 10, [ONE, OTHER])
    assert short(gaps.interval(START_S + 20, [OTHER])) == [("battery_lost", ONE, 20)]
    assert (gaps.present, gaps.lost) == ([OTHER], [ONE])
    assert gaps.interval(START_S + 30, [OTHER]) == []
    assert short(gaps.interval(START_S + 40, [ONE, OTHER])) == [("battery_back", ONE, 40)]
    assert sorted(gaps.present) == [ONE, OTHER]
    assert gaps.lost == []


def test_what_an_earlier_run_knew_counts() -> None:
    gaps = GapEvents(10, START_S, present=[ONE], lost=[OTHER])
    assert sorted(short(gaps.interval(START_S + 10, [OTHER]))) == [
        ("battery_back", OTHER, 10),
        ("battery_lost", ONE, 10),
        ("collector_started", ONE, 0),
        ("collector_started", OTHER, 0),
    ]


def test_a_start_by_a_clock_that_stood_in_1970_is_told_as_of_the_first_interval() -> None:
    gaps = GapEvents(10, started_s=5.0)
    assert short(gaps.interval(START_S, [ONE])) == [("collector_started", ONE, 0)]


def test_a_stop_is_told_of_every_battery_by_a_clock_that_is_right() -> None:
    gaps = GapEvents(10, START_S, present=[ONE], lost=[OTHER])
    assert sorted(short(gaps.stopped(START_S + 7.9))) == [
        ("collector_stopped", ONE, 7),
        ("collector_stopped", OTHER, 7),
    ]
    assert gaps.stopped(5.0) == []


def test_each_event_has_an_id_of_its_own_and_says_the_interval() -> None:
    events = GapEvents(30, START_S, present=[ONE], lost=[OTHER]).stopped(START_S)
    assert len({event.id for event in events}) == 2
    assert {event.interval_s for event in events} == {30}
