"""Ranges of time, and how their times are shown: pure.

What is drawn has naive times, as drawing libraries drop offsets or shift times into the viewer's
zone. They are those of the site's zone at the range's begin, with the same offset for the whole
range: so an hour is an hour, also in the night of a clock change. What a person reads (ticks,
labels) is the true local time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

LENGTHS = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
    "year": timedelta(days=365),
}
SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=366 * 50)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_TICKS = 9
_STEPS = [
    *(timedelta(seconds=s) for s in (10, 30)),
    *(timedelta(minutes=m) for m in (1, 2, 5, 10, 15, 30)),
    *(timedelta(hours=h) for h in (1, 2, 3, 6, 12)),
    *(timedelta(days=d) for d in (1, 2, 7, 14)),
]
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)


class BadRange(ValueError):  # noqa: N818  # reads better than BadRangeError where it is caught
    """What is wrong with a range, fit to be shown to the user."""


@dataclass(frozen=True)
class Window:
    """From when to when (with a zone); its name if it is one that ends now."""

    begin: datetime
    end: datetime
    name: str | None = None

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.begin

    def moved(self, by: int) -> "Window":
        """The window so many lengths later; kept within the times there can be."""
        begin = self.begin + by * self.length
        begin = max(EARLIEST, min(begin, LATEST - self.length))
        return Window(begin, begin + self.length)

    def address(self) -> dict[str, str]:
        """What an address needs to name it."""
        if self.name:
            return {"range": self.name}
        return {"from": moment_text(self.begin), "to": moment_text(self.end)}


def moment_text(moment: datetime) -> str:
    """A moment as text that means the same in any zone, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def read_moment(text: str, zone: tzinfo) -> datetime:
    """The moment that a text names; without an offset it is in the site's zone. Raises BadRange."""
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRange(
            "A time in the range cannot be read. Write it like 2026-11-01T14:30."
        ) from None
    if not EARLIEST <= moment <= LATEST:
        raise BadRange("A range lies between the years 2000 and 2100.")
    return moment


def choose(
    now: datetime, zone: tzinfo, name: str | None, begin: str | None, end: str | None
) -> Window:
    """The window that is asked for; the last day if nothing is. Raises BadRange."""
    if begin or end:
        if name:
            raise BadRange("A range has a name, or a begin and an end, and not both.")
        first = read_moment(begin, zone) if begin else None
        last = read_moment(end, zone) if end else now
        window = Window(first if first else last - LENGTHS["day"], last)
        if window.begin >= window.end:
            raise BadRange("The range ends before it begins.")
        if window.length < SHORTEST:
            raise BadRange("A range is at least one minute long.")
        if window.length > LONGEST:
            raise BadRange("A range is at most 50 years long.")
        return window
    name = name or "day"
    if name not in LENGTHS:
        raise BadRange(f"A range is one of {', '.join(LENGTHS)}, or has a begin and an end.")
    return Window(now - LENGTHS[name], now, name)


def around(moment: datetime, length: timedelta) -> Window:
    """The window of that length with the moment in its middle."""
    return Window(moment - length / 2, moment + length / 2)


@dataclass(frozen=True)
class Clock:
    """The times of a window: as drawn, and as people read them."""

    window: Window
    zone: tzinfo

    @property
    def offset(self) -> timedelta:
        """What the drawn times are ahead of UTC."""
        return self.window.begin.astimezone(self.zone).utcoffset() or timedelta()

    def drawn(self, utc: datetime) -> str:
        """A moment of UTC (naive or not) as it is drawn."""
        return f"{_naive(utc) + self.offset:%Y-%m-%d %H:%M:%S}"

    def label(self, utc: datetime) -> str:
        """A moment of UTC as people read it; with the zone's name if the hour comes twice."""
        return local_text(utc, self.zone)

    def ticks(self) -> tuple[list[str], list[str]]:
        """Where the axis has its ticks, as drawn, and what they say."""
        found = list(_ticks(self.window, self.zone))
        return [self.drawn(at) for at, _ in found], [text for _, text in found]


def local_text(utc: datetime, zone: tzinfo) -> str:
    """A moment of UTC as people read it in a zone."""
    local = _naive(utc).replace(tzinfo=UTC).astimezone(zone)
    return f"{local:%a %d %b %Y %H:%M:%S}{_which(local)}"


def day_begin(now: datetime, zone: tzinfo) -> datetime:
    """When the day of a moment began in a zone."""
    return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


def _naive(utc: datetime) -> datetime:
    return utc.astimezone(UTC).replace(tzinfo=None) if utc.tzinfo else utc


def _which(local: datetime) -> str:
    other = local.replace(fold=1 - local.fold)
    return "" if other.utcoffset() == local.utcoffset() else f" {local:%Z}"


def _ticks(window: Window, zone: tzinfo) -> Iterator[tuple[datetime, str]]:
    begin, end = window.begin.astimezone(zone), window.end.astimezone(zone)
    steps = [step for step in _STEPS if window.length / step <= _TICKS]
    if not steps:
        yield from _month_ticks(begin, end)
        return
    step, told = steps[0], None
    for local in _walls(begin, end, step):
        if not begin <= local <= end:
            continue
        text = f"{local:%d %b}"
        if step < timedelta(days=1):
            clock = f"{local:%H:%M:%S}" if step < timedelta(minutes=1) else f"{local:%H:%M}"
            text = clock + _which(local) + (f"<br>{text}" if text != told else "")
        elif told is None or local.year != int(told):
            text, told = f"{text}<br>{local.year}", str(local.year)
        if step < timedelta(days=1):
            told = f"{local:%d %b}"
        yield local.astimezone(UTC), text


def _walls(begin: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    """Times of the clock on the wall at multiples of a step; one that comes twice is two."""
    wall = begin.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    if step >= timedelta(days=1):
        wall -= timedelta(days=wall.toordinal() % step.days)
    while wall <= end.replace(tzinfo=None) + timedelta(hours=2):
        first = wall.replace(tzinfo=begin.tzinfo, fold=0)
        second = first.replace(fold=1)
        there = first.astimezone(UTC).astimezone(begin.tzinfo).replace(tzinfo=None) == wall
        if there:  # else the clock jumps over it
            yield first
            if first.utcoffset() != second.utcoffset():
                yield second
        elif step >= timedelta(days=1):  # a day that begins later
            yield second.astimezone(UTC).astimezone(begin.tzinfo)
        wall += step


def _month_ticks(begin: datetime, end: datetime) -> Iterator[tuple[datetime, str]]:
    months = (end.year - begin.year) * 12 + end.month - begin.month
    step = next((n for n in _MONTHS if months / n <= 13), _MONTHS[-1])
    first = begin.year * 12 + begin.month - 1
    first += -first % step
    told = None
    for number in range(first, end.year * 12 + end.month, step):
        local = datetime(number // 12, number % 12 + 1, 1, tzinfo=begin.tzinfo)
        if begin <= local <= end:
            text = f"{local:%Y}" if step >= 12 else f"{local:%b}"
            if step < 12 and local.year != told:
                text, told = f"{text}<br>{local.year}", local.year
            yield local.astimezone(UTC), text
