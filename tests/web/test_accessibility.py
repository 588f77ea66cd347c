"""What axe-core, the checker that browsers' own tools use, says of each view."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import (  # type: ignore[import-untyped]  # has no types
    Axe,
)
from playwright.sync_api import Page
from tests.support.page import ID, serving
from tests.support.questions import make_tables
from tests.web.looks import drawn, live_row, write_report

from bluenova_tools.local import Database

pytestmark = pytest.mark.services

Visit = Callable[..., Page]
VIEWS = {
    "batteries": "/",
    "charts": f"/battery?id={ID}&range=day",
    "charts of a month": f"/battery?id={ID}&range=month",
    "charts without rows": f"/battery?id={ID}&from=2020-01-01&to=2020-01-02",
    "energy": f"/energy?id={ID}",
    "health": f"/health?id={ID}",
    "no such battery": "/battery?id=DEADBEEF",
}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {
        "viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True,
    },
}  # fmt: skip


def violations(page: Page) -> str:
    """What axe-core finds wrong, as text for people; empty if it finds nothing."""
    found = Axe().run(page)
    return found.generate_report() if found.violations_count else ""


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_has_no_violation(visit: Visit, view: str, look: str) -> None:
    page = visit(VIEWS[view], may_say="404" if view == "no such battery" else "", **LOOKS[look])
    if page.locator("#view").count():
        drawn(page)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert violations(page) == ""


@pytest.mark.parametrize("look", LOOKS)
def test_a_live_card_has_no_violation(
    visit: Visit, database: Database, tmp_path: Path, look: str
) -> None:
    make_tables(database)
    live_row(database)
    with serving(database, tmp_path / "page") as own:
        page = visit("/", at=own.address, **LOOKS[look])
        assert "stale" not in (page.locator(".card").get_attribute("class") or "")
        assert violations(page) == ""


@pytest.mark.parametrize("look", LOOKS)
def test_the_report_has_no_violation(
    visit: Visit, history: Database, tmp_path: Path, look: str
) -> None:
    page = visit("", at=write_report(history, tmp_path).as_uri(), **LOOKS[look])
    page.wait_for_selector(".figure[data-ready]", timeout=60_000)
    assert violations(page) == ""
