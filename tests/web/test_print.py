"""The report on paper."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page
from tests.support.harness import eventually
from tests.web.looks import write_report

from bluenova_tools.local import Database

pytestmark = pytest.mark.services

Visit = Callable[..., Page]
LOOK = """() => [...document.querySelectorAll('.figure')].map(place => {
  const {width, height, font} = place._fullLayout;
  return [width, height, font.color];
})"""
# Of A4 and of Letter, the less, without margins of 12 mm, at 96 dots an inch.
WIDTH, HEIGHT = 703, 964
DARK_TEXT, LIGHT_TEXT = "#e4e8ec", "#1d2530"


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_charts_fit_the_paper_in_light_colours(
    visit: Visit, history: Database, tmp_path: Path, width: int, paper: str
) -> None:
    file = write_report(history, tmp_path)
    viewport = {"width": width, "height": 900}
    page = visit("", at=file.as_uri(), color_scheme="dark", viewport=viewport)
    page.wait_for_selector(".figure[data-ready]", timeout=60_000)
    before = page.evaluate(LOOK)
    assert {colour for _, _, colour in before} == {DARK_TEXT}
    page.evaluate(f"addEventListener('beforeprint', () => {{ window.printed = ({LOOK})(); }})")
    printed = page.pdf(format=paper)
    # The charts beside what stands out; cells, gaps and errors; energy.
    assert len(re.findall(rb"/Type /Page\b", printed)) == 3
    for wide, high, colour in page.evaluate("printed"):
        assert wide <= WIDTH
        assert high < HEIGHT
        assert colour == LIGHT_TEXT
    eventually(lambda: page.evaluate(LOOK) == before)
