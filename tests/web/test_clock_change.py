"""The nights in which clocks change, seen by a viewer who lives elsewhere."""

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page
from tests.support.page import Page as Served
from tests.support.page import serving
from tests.support.questions import cells, insert, make_tables, rows
from tests.web.looks import drawn

from bluenova_tools.local import Database, Postgres

pytestmark = pytest.mark.services

Visit = Callable[..., Page]
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Day:
    """A day of the site: its address, when it begins, and how many hours it has."""

    span: str
    begin: datetime
    hours: int


LONG = Day("from=2025-10-26&to=2025-10-27", datetime(2025, 10, 25, 22, tzinfo=UTC), 25)
SHORT = Day("from=2026-03-29&to=2026-03-30", datetime(2026, 3, 28, 23, tzinfo=UTC), 23)
DAYS = pytest.mark.parametrize("day", [LONG, SHORT], ids=["25 hours", "23 hours"])
ZONES = pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Auckland"])


@pytest.fixture(scope="module")
def site(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A page of a site in Berlin, with a row for each minute of both days."""
    database: Database = postgres.create_database("clock_change")
    make_tables(database)
    for day in (LONG, SHORT):
        start = day.begin.replace(tzinfo=None)
        values: dict[str, Any] = {
            "mcu_id": 7,
            "soc": lambda n: 20 + n // 60,
            "v_pack": 53.0,
            "i_pack": 10.0,
        }
        volts = cells(3.3, 3.31, 3.32)
        insert(database, rows(60 * day.hours, start=start, step=MINUTE, **values, **volts))
    with serving(database, tmp_path_factory.mktemp("page")) as served:
        yield served
    postgres.drop_database(database.name)


def ticks(page: Page) -> list[str]:
    """What the axis of time says."""
    found = page.locator(".figure .xtick text").all_text_contents()
    return [text.partition("Oct")[0].partition("Mar")[0] for text in found]


def read_at(page: Page, share: float) -> str:
    """What is read at this share of the charts' width."""
    box = page.locator(".figure").bounding_box()
    plot = page.evaluate("document.querySelector('.figure')._fullLayout._size")
    assert box
    page.mouse.move(box["x"] + plot["l"] + share * plot["w"], box["y"] + 100)
    return page.locator(".readout").inner_text()


@ZONES
@DAYS
def test_the_chart_has_all_its_hours(visit: Visit, site: Served, zone: str, day: Day) -> None:
    page = drawn(visit(f"/battery?id=7&{day.span}", at=site.address, timezone_id=zone))
    axis = page.evaluate("document.querySelector('.figure')._fullLayout.xaxis.range")
    drawn_from, drawn_to = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in axis)
    assert drawn_to - drawn_from == timedelta(hours=day.hours)
    # Every third hour on the wall; between 0 and 3 lie four hours, or two.
    assert [text[:5] for text in ticks(page)][:3] == ["00:00", "03:00", "06:00"]
    places = page.locator(".figure .xtick text").evaluate_all(
        "found => found.map(one => one.getBoundingClientRect().x)"
    )
    assert (places[1] - places[0]) / (places[2] - places[1]) == pytest.approx(
        (day.hours - 24 + 3) / 3, abs=0.1
    )
    # The charge grows by one each hour, so it says which hour a place is.
    for hour in (1, 2, 3, day.hours - 1):
        assert f"Charge {20 + hour} %" in read_at(page, (hour + 0.5) / day.hours)


@DAYS
def test_a_zoom_and_the_csv_have_the_same_hours(
    visit: Visit, site: Served, tmp_path: Path, day: Day
) -> None:
    page = drawn(visit(f"/battery?id=7&{day.span}", at=site.address))
    box = page.locator(".figure").bounding_box()
    plot = page.evaluate("document.querySelector('.figure')._fullLayout._size")
    assert box
    left, y = box["x"] + plot["l"], box["y"] + 100
    # The hour before the clocks change, at 01:00 UTC, and the hour after.
    change = 25 - day.begin.hour
    page.mouse.move(left + plot["w"] * (change - 1) / day.hours, y)
    page.mouse.down()
    page.mouse.move(left + plot["w"] * (change + 1) / day.hours, y, steps=5)
    page.mouse.up()
    page.wait_for_url(re.compile("from=.*Z&to="))
    found = re.search(r"from=(.*)&to=(.*)", page.url)
    assert found
    zoomed = [datetime.fromisoformat(text.replace("%3A", ":")) for text in found.groups()]
    for at, hour in zip(zoomed, (change - 1, change + 1), strict=True):
        assert abs(at - (day.begin + timedelta(hours=hour))) < 3 * MINUTE
    drawn(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    file = tmp_path / "rows.csv"
    download.value.save_as(file)
    lines = list(csv.DictReader(file.open(encoding="utf-8")))
    times = [datetime.fromisoformat(line["time_utc"]) for line in lines]
    assert times == [times[0] + n * MINUTE for n in range(len(times))]
    assert zoomed[0] <= times[0] < zoomed[0] + MINUTE
    assert zoomed[1] - MINUTE <= times[-1] < zoomed[1]
    local = [datetime.fromisoformat(line["time_local"]) for line in lines]
    assert local == times
    assert {line["time_local"][-6:] for line in lines} == {"+01:00", "+02:00"}
