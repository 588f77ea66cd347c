"""Ranges of time, and how their times are shown."""

import contextlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluenova_dashboard.ranges import (
    BadRange,
    Clock,
    Window,
    choose,
    day_begin,
    local_text,
    read_moment,
)

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def utc(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type,misc]  # year, month, day …


def test_without_a_range_it_is_the_last_day() -> None:
    assert choose(NOW, BERLIN, None, None, None) == Window(NOW - timedelta(days=1), NOW, "day")


def test_an_own_range_is_read_in_the_sites_zone_unless_it_says_another() -> None:
    window = choose(NOW, BERLIN, None, "2026-11-01T00:00", "2026-11-02T00:00Z")
    assert window == Window(utc(2026, 10, 31, 23), utc(2026, 11, 2))


@pytest.mark.parametrize(
    ("name", "begin", "end", "why"),
    [
        ("century", None, None, "one of hour"),
        ("day", "2026-01-01", None, "not both"),
        (None, "2026-01-02", "2026-01-01", "ends before"),
        (None, "2026-01-01T00:00:00", "2026-01-01T00:00:30", "one minute"),
        (None, "2001-01-01", "2099-01-01", "50 years"),
        (None, "1999-01-01", "2026-01-01", "between the years"),
        (None, "0001-01-01", None, "read|between"),
        (None, "'; DROP TABLE battery_pack; --", None, "cannot be read"),
        (None, "2026-01-01", "never", "cannot be read"),
    ],
)
def test_a_range_that_cannot_be_is_refused_with_the_reason(
    name: str | None, begin: str | None, end: str | None, why: str
) -> None:
    with pytest.raises(BadRange, match=why):
        choose(NOW, BERLIN, name, begin, end)


@given(st.text(max_size=40))
def test_any_text_is_a_moment_or_is_refused(text: str) -> None:
    with contextlib.suppress(BadRange):
        assert read_moment(text, BERLIN).year >= 2000


def test_earlier_and_later_lead_back() -> None:
    window = choose(NOW, BERLIN, "week", None, None)
    assert window.moved(-1).end == window.begin
    assert window.moved(-1).moved(1) == Window(window.begin, window.end)


class TestTheNightTheClocksGoBack:
    # 25 October 2026: 03:00 CEST becomes 02:00 CET, at 01:00 UTC.
    clock = Clock(Window(utc(2026, 10, 24, 22), utc(2026, 10, 25, 6)), BERLIN)

    def test_an_hour_is_drawn_as_an_hour(self) -> None:
        drawn = [self.clock.drawn(utc(2026, 10, 25, hour)) for hour in (0, 1, 2)]
        assert drawn == ["2026-10-25 02:00:00", "2026-10-25 03:00:00", "2026-10-25 04:00:00"]

    def test_the_hour_that_comes_twice_says_which(self) -> None:
        assert self.clock.label(utc(2026, 10, 25, 0, 30)).endswith("02:30:00 CEST")
        assert self.clock.label(utc(2026, 10, 25, 1, 30)).endswith("02:30:00 CET")
        assert self.clock.label(utc(2026, 10, 25, 2, 30)).endswith("03:30:00")

    def test_ticks_say_the_time_on_the_wall(self) -> None:
        at, said = self.clock.ticks()
        assert [text.partition("<br>")[0] for text in said] == [
            *("00:00", "01:00", "02:00 CEST", "02:00 CET", "03:00"),
            *("04:00", "05:00", "06:00", "07:00"),
        ]
        assert at[3] == "2026-10-25 03:00:00"


class TestTheNightTheClocksGoForward:
    # 29 March 2026: 02:00 CET becomes 03:00 CEST, at 01:00 UTC.
    clock = Clock(Window(utc(2026, 3, 28, 23), utc(2026, 3, 29, 5)), BERLIN)

    def test_an_hour_is_drawn_as_an_hour(self) -> None:
        assert self.clock.drawn(utc(2026, 3, 29, 0, 30)) == "2026-03-29 01:30:00"
        assert self.clock.drawn(utc(2026, 3, 29, 1, 30)) == "2026-03-29 02:30:00"
        assert self.clock.label(utc(2026, 3, 29, 1, 30)).endswith("03:30:00")

    def test_there_is_no_tick_for_the_hour_that_is_not(self) -> None:
        said = [text.partition("<br>")[0] for text in self.clock.ticks()[1]]
        assert said == ["00:00", "01:00", "03:00", "04:00", "05:00", "06:00", "07:00"]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/Santiago"])
@pytest.mark.parametrize("minutes", [1, 60, 1440, 10080, 43200, 525600, 20 * 525600])
def test_any_range_has_a_few_ticks_in_order_and_within(zone: str, minutes: int) -> None:
    window = Window(NOW - timedelta(minutes=minutes), NOW)
    clock = Clock(window, ZoneInfo(zone))
    at, said = clock.ticks()
    assert 2 <= len(at) == len(said) <= 14
    assert at == sorted(at)
    assert clock.drawn(window.begin) <= at[0]
    assert at[-1] <= clock.drawn(window.end)


def test_a_day_begins_at_midnight_of_the_site() -> None:
    assert day_begin(utc(2026, 10, 25, 22), BERLIN).astimezone(UTC) == utc(2026, 10, 24, 22)
    assert local_text(utc(2026, 10, 24, 22), BERLIN) == "Sun 25 Oct 2026 00:00:00"
