"""What a person sees and does in a browser."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.support.page import ID, serving
from tests.support.questions import make_tables
from tests.web.looks import drawn, live_row, write_report

from bluenova_tools.local import Database, Postgres

pytestmark = pytest.mark.services

Visit = Callable[..., Page]
CHARTS = f"/battery?id={ID}&range=day"


def test_the_first_screen_leads_to_the_charts(visit: Visit) -> None:
    page = visit("/")
    expect(page.locator(".card")).to_have_count(2)
    page.get_by_role("link", name=ID).click()
    drawn(page)
    assert page.locator(".findings li").first.inner_text().startswith("Cell ")


@pytest.mark.parametrize("name", ["hour", "day", "week", "month", "year"])
def test_each_range_is_drawn(visit: Visit, name: str) -> None:
    page = drawn(visit(f"/battery?id={ID}&range={name}"))
    if name != "hour":  # the last hour may lie in a gap
        expect(page.locator(".figure .heatmaplayer image").first).to_be_attached()


@pytest.mark.parametrize(
    "path", [f"/energy?id={ID}", f"/energy?id={ID}&by=month", f"/health?id={ID}"]
)
def test_energy_and_health_are_drawn(visit: Visit, path: str) -> None:
    page = drawn(visit(path))
    expect(page.locator(".figure .main-svg").first).to_be_visible()
    expect(page.locator("table").first).to_be_visible()


def zoom(page: Page) -> None:
    box = page.locator(".figure").bounding_box()
    assert box
    y = box["y"] + 100
    page.mouse.move(box["x"] + box["width"] * 0.3, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, y, steps=5)
    page.mouse.up()


def test_a_zoom_goes_into_the_address_and_back_undoes_it(visit: Visit) -> None:
    page = drawn(visit(CHARTS))
    zoom(page)
    page.wait_for_url(re.compile(r"from=.*Z&to=.*Z"))
    drawn(page)
    zoomed, title = page.url, page.locator("h1").inner_text()
    page.reload()
    drawn(page)
    assert (page.url, page.locator("h1").inner_text()) == (zoomed, title)
    page.go_back()
    drawn(page)
    assert page.url.endswith("range=day")


def test_the_keys_lead_to_the_range_before_and_after(visit: Visit) -> None:
    page = drawn(visit(CHARTS))
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(re.compile("from="))
    before = page.url
    drawn(page).keyboard.press("ArrowRight")
    page.wait_for_url(lambda url: url != before)


def test_the_crosshair_reads_all_values_of_its_time(visit: Visit) -> None:
    page = drawn(visit(CHARTS))
    box = page.locator(".figure").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    said = page.locator(".readout").inner_text()
    assert re.search(r"\d\d:\d\d:\d\d", said)
    assert all(word in said for word in ("Charge", "Pack", "Current", "Lowest cell", "mV"))
    assert page.locator(".cross").is_visible()


def test_jumps_lead_to_the_last_event_and_the_last_full_charge(visit: Visit) -> None:
    page = drawn(visit(CHARTS))
    page.get_by_role("link", name="Last event").click()
    page.wait_for_url(re.compile("from="))
    drawn(page).get_by_role("link", name="Last full charge").click()
    page.wait_for_load_state()
    drawn(page)


PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def test_a_phone_shows_all_within_its_width(visit: Visit) -> None:
    for path in ("/", CHARTS, f"/energy?id={ID}", f"/health?id={ID}"):
        page = visit(path, **PHONE)
        if path != "/":
            drawn(page)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, path


@pytest.mark.parametrize("path", [CHARTS, f"/energy?id={ID}", f"/health?id={ID}"])
def test_a_swipe_over_a_chart_scrolls_the_page(visit: Visit, path: str) -> None:
    page = drawn(visit(path, **PHONE))
    figure = page.locator(".figure").first
    figure.evaluate("place => scrollTo(0, place.offsetTop - 300)")
    box = figure.bounding_box()
    assert box
    x, y, before = box["x"] + box["width"] / 2, box["y"] + 250, page.evaluate("scrollY")
    touch = page.context.new_cdp_session(page)
    for kind, up in [("touchStart", 0), *(("touchMove", 40 * n) for n in range(1, 7))]:
        point = {"x": x, "y": y - up}
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
        page.wait_for_timeout(30)
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("before => scrollY > before + 100", arg=before)
    # It zoomed nothing.
    assert page.url.endswith(path)


def test_a_tap_on_a_chart_reads_its_values(visit: Visit) -> None:
    page = drawn(visit(CHARTS, **PHONE))
    expect(page.get_by_text("Tap a chart to read its values.")).to_be_visible()
    figure = page.locator(".figure")
    figure.evaluate("place => scrollTo(0, place.offsetTop - 100)")
    box = figure.bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 100)
    expect(page.locator(".readout")).to_contain_text("Charge")
    expect(page.locator(".cross")).to_be_visible()


def test_the_first_key_of_the_keyboard_leads_to_the_content(visit: Visit) -> None:
    page = drawn(visit(CHARTS))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"


def test_the_csv_opens_again(visit: Visit, tmp_path: Path) -> None:
    page = drawn(visit(CHARTS))
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    file = tmp_path / "rows.csv"
    download.value.save_as(file)
    assert len(file.read_text().splitlines()) > 1000


def test_the_database_goes_away_and_comes_back(visit: Visit, tmp_path: Path) -> None:
    with Postgres(fast=True) as server:
        database = server.create_database("homeauto")
        make_tables(database)
        live_row(database)
        with serving(database, tmp_path / "page") as own:
            page = visit("/", at=own.address, may_say="503")
            expect(page.locator(".card")).not_to_have_class(re.compile("stale"))
            server.kill()
            trouble = page.get_by_role("status")
            expect(trouble).to_contain_text("The database does not answer", timeout=30_000)
            # Its values are not live any more after three intervals.
            expect(page.locator(".card")).to_have_class(re.compile("stale"), timeout=60_000)
            expect(page.locator(".card .last")).to_contain_text("last seen")
            server.start()
            live_row(database)
            expect(page.locator(".card")).not_to_have_class(re.compile("stale"), timeout=30_000)
            expect(trouble).to_be_hidden()


def test_a_report_needs_nothing_else(visit: Visit, history: Database, tmp_path: Path) -> None:
    file = write_report(history, tmp_path)
    page = visit("", at=file.as_uri())
    page.wait_for_selector(".figure[data-ready]", timeout=60_000)
    assert page.locator(".figure .main-svg").count() >= 2
