"""The views: what is asked for each, its figures, and what the templates show beside them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from bluenova_dashboard.cards import Card, card
from bluenova_dashboard.figures.bars import energy_figure, resistance_figure, spread_figure
from bluenova_dashboard.figures.battery import battery_figure
from bluenova_dashboard.figures.marks import is_plain
from bluenova_dashboard.findings import cell_facts, findings
from bluenova_dashboard.questions import Questions
from bluenova_dashboard.ranges import EARLIEST, Clock, Window, around, day_begin
from bluenova_dashboard.words import battery_name

STATES_WITHIN = timedelta(days=40)
LISTED = 200  # gaps and changes in a table; the CSV and the JSON have all
SCREENS = {"day": 31, "month": 24, "year": 120}  # how many days or months the energy view shows


class NoSuchBattery(Exception):  # noqa: N818  # reads better than NoSuchBatteryError where it is caught
    """There is no row of this battery."""


@dataclass(frozen=True)
class View:
    """Figures by the name of their place, and what the template of the same name needs."""

    template: str
    figures: dict[str, dict[str, Any]]
    facts: dict[str, Any]


@dataclass(frozen=True)
class Site:
    """Where answers come from, the site's zone, the clock, and how long rows wait to be written."""

    questions: Questions
    zone: tzinfo
    now: Callable[[], datetime]
    rows_wait_s: float = 0.0

    def cards(self, mcu_id: int | None = None) -> list[Card]:
        """The cards of all batteries, or of one. Raises NoSuchBattery."""
        now = self.now()
        rows = self.questions.overview(now, day_begin(now, self.zone), mcu_id)
        if mcu_id is not None and not rows:
            raise NoSuchBattery(battery_name(mcu_id))
        return [card(row, self.zone, self.rows_wait_s) for row in rows]

    def known(self, mcu_id: int) -> list[int]:
        """All batteries. Raises NoSuchBattery if this is none of them."""
        batteries = self.questions.batteries()
        if mcu_id not in batteries:
            raise NoSuchBattery(battery_name(mcu_id))
        return batteries

    def battery(self, mcu_id: int, window: Window) -> View:
        """The charts of a range, with what stands out, cells, gaps and changes."""
        ask = self.questions
        # A battery charges and discharges many times a day: over months that cannot be seen.
        names = () if window.length <= STATES_WITHIN else ("errors", "breaker")
        gaps, changes = ask.gaps(mcu_id, window), ask.changes(mcu_id, window, *names)
        series, cells = ask.series(mcu_id, window), ask.shown_cells(mcu_id, window)
        figure = battery_figure(series, cells, gaps, changes, Clock(window, self.zone))
        facts = cell_facts(cells)
        told = [change for change in changes if change["name"] in ("errors", "breaker")]
        states = [change for change in changes if change["name"] == "system_state"]
        return View(
            "battery_parts.html",
            {"charts": figure} if any(row["row_count"] for row in series) else {},
            {
                "findings": findings(facts, gaps, changes, window, self.zone) if series else [],
                "cells": facts,
                "gaps": gaps[::-1][:LISTED],
                "gap_count": len(gaps),
                "changes": told[::-1][:LISTED],
                "states": states[::-1][:LISTED],
                "state_count": len(states),
            },
        )

    def energy(self, mcu_id: int, by: str, back: int = 0) -> View:
        """Energy by day, month or year, so many screens back."""
        rows = self._energy_rows(mcu_id, by, back)
        form = {"day": "%a %d %b", "month": "%b %Y", "year": "%Y"}[by]
        names = [f"{row['bucket_local']:{form}}" for row in rows]
        return View(
            "energy_parts.html",
            {"energy": energy_figure(rows, names)},
            {"rows": list(zip(names, rows, strict=True))[::-1], "by": by},
        )

    def _energy_rows(self, mcu_id: int, by: str, back: int) -> Sequence[Mapping[str, Any]]:
        end = day_begin(self.now(), self.zone)
        count = SCREENS[by]
        if by == "day":
            last = end + timedelta(days=1 - back * count)
            window = Window(last - timedelta(days=count), last)
        else:
            window = _months(end, count, back)
        # Times on the wall: a day with a clock change is an hour longer or shorter.
        bounded = Window(
            max(window.begin.astimezone(UTC), EARLIEST), max(window.end.astimezone(UTC), EARLIEST)
        )
        rows = self.questions.energy(mcu_id, bounded, "day" if by == "day" else "month")
        return rows if by != "year" else _by_year(rows)

    def window_energy(self, mcu_id: int, window: Window) -> View:
        """Energy by day, or by month, of a range."""
        by = "day" if window.length <= timedelta(days=62) else "month"
        rows = self.questions.energy(mcu_id, window, by)
        names = [f"{row['bucket_local']:{'%a %d %b' if by == 'day' else '%b %Y'}}" for row in rows]
        return View(
            "energy_parts.html",
            {"energy": energy_figure(rows, names)},
            {"rows": list(zip(names, rows, strict=True))[::-1], "by": by},
        )

    def health(self, mcu_id: int) -> View:
        """What the last year tells of the battery's health."""
        now = self.now()
        begin = day_begin(now, self.zone)
        year = Window(now - timedelta(days=365), now)
        months = [_months(begin, 1, back) for back in range(11, -1, -1)]
        found = self.questions.health(mcu_id, year, months)
        names = [f"{month.begin:%b %Y}" for month in months]
        return View(
            "health_parts.html",
            {
                "spread": spread_figure(found["spread_by_month"], names),
                "resistance": resistance_figure(found["resistance"]),
            },
            found,
        )

    def last_full(self, mcu_id: int) -> Window | None:
        """The day around the last full charge."""
        found = self.questions.overview(self.now(), self.now(), mcu_id)
        if not found or found[0]["full_time"] is None:
            return None
        return around(found[0]["full_time"].replace(tzinfo=UTC), timedelta(days=1))

    def last_event(self, mcu_id: int) -> Window | None:
        """The day around the last error, opened breaker or gap, of the last year."""
        now = self.now()
        year = Window(now - timedelta(days=365), now)
        told = [
            change["began"]
            for change in self.questions.changes(mcu_id, year, "errors", "breaker")
            if not is_plain(change["name"], change["value"])
        ]
        told += [gap["gap_from"] for gap in self.questions.gaps(mcu_id, year) if gap["gap_to"]]
        if not told:
            return None
        return around(max(told).replace(tzinfo=UTC), timedelta(days=1))


def _months(end: datetime, count: int, back: int) -> Window:
    """So many months up to and with the one of `end`, so many screens back."""
    after = end.year * 12 + end.month - back * count
    return Window(_month(after - count, end.tzinfo), _month(after, end.tzinfo))


def _month(number: int, zone: tzinfo | None) -> datetime:
    number = max(number, 12 * 1990)
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=zone)


def _by_year(months: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    years: dict[int, dict[str, Any]] = {}
    names = ("energy_in", "energy_out", "integral_in", "integral_out")
    for month in months:
        year = years.setdefault(month["bucket_local"].year, dict(month))
        if year["bucket_local"] != month["bucket_local"]:
            for name in names:
                if month[name] is not None:
                    year[name] = (year[name] or 0) + month[name]
    return [*years.values()]
