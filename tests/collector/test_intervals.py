"""When an interval ends, whatever the clock does."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluenova_collector.intervals import BUILT_S, LATEST_S, WAITED_OUT, Due, Intervals, is_set

NOON = int(datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC).timestamp())


def close(intervals: Intervals, now_s: float) -> int | None:
    """The end of the interval that is closed now, if one is."""
    due = intervals.due(now_s)
    if due is None:
        return None
    intervals.closed(due)
    return due.end_s


def test_an_interval_stays_open_until_its_aligned_end() -> None:
    intervals = Intervals(10, NOON + 3)
    assert [close(intervals, NOON + s) for s in (4, 9.999, 10, 10.5, 19.9, 20)] == [
        None, None, NOON + 10, None, None, NOON + 20,
    ]  # fmt: skip


@pytest.mark.parametrize("interval_s", [1, 2, 7, 10, 60, 3600, 86400])
def test_ends_are_multiples_of_the_interval_in_utc(interval_s: int) -> None:
    intervals = Intervals(interval_s, NOON + 0.3)
    ends = [close(intervals, NOON + 0.3 + number * interval_s) for number in range(1, 5)]
    assert all(end is not None and end % interval_s == 0 for end in ends)


def test_nothing_read_after_the_start_belongs_to_an_interval_that_was_over() -> None:
    assert close(Intervals(10, NOON + 3), NOON + 3.5) is None
    assert close(Intervals(10, NOON), NOON) is None


def test_a_board_that_boots_in_1970_closes_nothing_until_its_clock_is_set() -> None:
    intervals = Intervals(10, 42)
    assert [close(intervals, s) for s in (43, 50, 5000, BUILT_S - 1)] == [None] * 4
    assert close(intervals, NOON + 4) == NOON


def test_a_board_that_boots_in_1970_and_remembers_waits_for_its_clock() -> None:
    intervals = Intervals(10, 42, last_end_s=NOON)
    assert close(intervals, 60) is None
    assert close(intervals, NOON + 4) is None
    assert close(intervals, NOON + 10) == NOON + 10


def test_a_clock_that_stands_where_no_snapshot_can_closes_nothing() -> None:
    intervals = Intervals(10, NOON)
    assert close(intervals, LATEST_S) is None
    assert close(intervals, LATEST_S + 1e9) is None
    assert close(intervals, NOON + 10) == NOON + 10


def test_after_a_forward_jump_the_interval_ends_at_the_newest_aligned_time() -> None:
    intervals = Intervals(10, NOON)
    assert close(intervals, NOON + 10) == NOON + 10
    assert close(intervals, NOON + 5003) == NOON + 5000
    assert close(intervals, NOON + 5010) == NOON + 5010


@pytest.mark.parametrize("back_s", [1, 5, 19, 20])
def test_after_a_step_back_of_two_intervals_the_interval_stays_open_until_the_time_is_past(
    back_s: int,
) -> None:
    intervals = Intervals(10, NOON)
    close(intervals, NOON + 10)
    for second in range(NOON + 10 - back_s, NOON + 20):
        assert close(intervals, second) is None
    assert close(intervals, NOON + 20) == NOON + 20


def test_a_clock_at_the_build_date_is_set() -> None:
    assert close(Intervals(10, BUILT_S - 20), BUILT_S) == BUILT_S


@pytest.mark.parametrize("back_s", [30, 600, 7200])
def test_a_longer_step_back_is_a_correction_and_all_goes_on_at_once(back_s: int) -> None:
    intervals = Intervals(10, NOON)
    close(intervals, NOON + 10)
    due = intervals.due(NOON + 5 - back_s)
    assert due == Due(NOON - back_s, corrected_s=back_s + 5)
    intervals.closed(due)
    assert close(intervals, NOON + 9 - back_s) is None
    assert intervals.due(NOON + 10 - back_s) == Due(NOON + 10 - back_s)


def test_an_end_that_an_earlier_run_remembers_in_the_future_is_corrected_too() -> None:
    due = Intervals(10, NOON + 5, last_end_s=NOON + 86400).due(NOON + 5)
    assert due == Due(NOON, corrected_s=86395)


def test_a_restart_within_an_interval_does_not_end_it_twice() -> None:
    first = Intervals(10, NOON + 1)
    assert close(first, NOON + 10.1) == NOON + 10
    second = Intervals(10, NOON + 10.4, last_end_s=first.last_end_s)
    assert [close(second, NOON + s) for s in (10.5, 19, 20)] == [None, None, NOON + 20]


def test_a_restart_with_a_clock_that_went_back_a_little_does_not_end_it_twice() -> None:
    restarted = Intervals(10, NOON + 4, last_end_s=NOON + 10)
    assert [close(restarted, NOON + s) for s in (5, 10, 15, 20)] == [None, None, None, NOON + 20]


def test_only_a_clock_between_the_build_and_2100_can_be_right() -> None:
    assert [is_set(s) for s in (0, BUILT_S - 1, BUILT_S, NOON, LATEST_S - 1, LATEST_S, 1e18)] == [
        False, False, True, True, True, False, False,
    ]  # fmt: skip


@given(
    st.integers(1, 86400),
    st.floats(0, LATEST_S * 1.1),
    st.lists(
        st.floats(0, LATEST_S * 1.1)
        | st.floats(NOON - 7200, NOON + 7200)
        | st.floats(NOON, NOON + 60),
        max_size=60,
    ),
    st.none() | st.integers(BUILT_S, LATEST_S - 1),
)
def test_ends_strictly_rise_unless_the_clock_was_corrected(
    interval_s: int, start_s: float, clock: list[float], remembered_s: int | None
) -> None:
    intervals = Intervals(interval_s, start_s, remembered_s)
    last_s = remembered_s
    for now_s in clock:
        before_s = intervals.last_end_s
        due = intervals.due(now_s)
        if due is None:
            continue
        assert due.end_s % interval_s == 0
        assert now_s - interval_s < due.end_s <= now_s
        assert BUILT_S <= now_s < LATEST_S
        if due.corrected_s:
            assert before_s - now_s > WAITED_OUT * interval_s
        else:
            assert last_s is None or due.end_s > last_s
        intervals.closed(due)
        assert intervals.due(now_s) is None
        last_s = due.end_s


@given(st.integers(1, 86400), st.floats(0, 2 * LATEST_S))
def test_the_pause_ends_at_the_intervals_end_and_never_lasts_longer_than_a_second(
    interval_s: int, now_s: float
) -> None:
    pause_s = Intervals(interval_s, NOON).pause_s(now_s)
    assert 0 < pause_s <= 1
    until_end_s = interval_s - now_s % interval_s
    assert pause_s == pytest.approx(min(until_end_s, 1), abs=1e-3)
