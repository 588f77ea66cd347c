"""Whether a battery is being read."""

from bluenova_collector.availability import Availability
from bluenova_collector.lru import MAX_BATTERIES

A, B = "0000000A", "0000000B"


def test_a_battery_comes_online_with_its_first_line_and_only_then() -> None:
    availability = Availability(60, now_s=0)
    assert [availability.heard(A, s) for s in (1, 2, 3)] == [True, False, False]
    assert availability.online == {A: True}


def test_a_battery_goes_offline_once_when_it_has_been_silent() -> None:
    availability = Availability(60, now_s=0)
    availability.heard(A, 1)
    assert [availability.lost(s) for s in (2, 61, 61.5, 100)] == [[], [], [A], []]
    assert availability.online == {A: False}


def test_a_short_break_does_not_show() -> None:
    availability = Availability(60, now_s=0)
    for second in range(0, 600, 55):
        availability.heard(A, second)
        assert availability.lost(second + 54) == []


def test_a_battery_that_speaks_again_is_online_again() -> None:
    availability = Availability(60, now_s=0)
    availability.heard(A, 1)
    availability.lost(100)
    assert availability.heard(A, 101)
    assert availability.online == {A: True}


def test_each_battery_is_judged_alone() -> None:
    availability = Availability(60, now_s=0)
    availability.heard(A, 0)
    availability.heard(B, 50)
    assert availability.lost(70) == [A]
    assert availability.lost(120) == [B]


def test_a_battery_of_an_earlier_run_that_stays_silent_is_told_offline() -> None:
    availability = Availability(60, now_s=0, remembered=A)
    assert availability.online == {}
    assert availability.lost(30) == []
    assert availability.lost(61) == [A]


def test_a_battery_of_an_earlier_run_that_speaks_is_told_online() -> None:
    availability = Availability(60, now_s=0, remembered=A)
    assert availability.heard(A, 30)
    assert availability.lost(61) == []


def test_of_an_endless_stream_of_names_the_latest_are_known() -> None:
    availability = Availability(60, now_s=0)
    names = [f"{number:08X}" for number in range(1, MAX_BATTERIES + 11)]
    for name in names:
        availability.heard(name, 1)
    assert list(availability.online) == names[10:]
    assert availability.lost(100) == names[10:]
