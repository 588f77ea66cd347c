"""`make pictures`: the page's pictures for the documents, by the demo and Debian's chromium."""

import shutil
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from bluenova_tools.demo.chain import BATTERIES, Chain
from bluenova_tools.demo.history import HOURS

FOLDER = Path("docs/pictures")
BATTERY = BATTERIES[0][0]
# Name, address, dark or not, and width and height.
PICTURES = (
    ("batteries", "/", False, (1000, 560)),
    ("charts", f"/battery?id={BATTERY}&from={{begin}}", False, (1100, 1500)),
    ("charts-dark", f"/battery?id={BATTERY}&from={{begin}}", True, (1100, 900)),
)


def main() -> None:
    """Writes them into the folder docs/pictures below the current one."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("chromium was not found: apt-get install chromium")
    FOLDER.mkdir(exist_ok=True)
    with ExitStack() as stack, sync_playwright() as playwright:
        chain = Chain(stack)
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        begin = f"{datetime.now(UTC) - timedelta(hours=HOURS):%Y-%m-%dT%H:%MZ}"
        for name, path, dark, (width, height) in PICTURES:
            page = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if dark else "light",
            )
            page.goto(chain.page + path.format(begin=begin))
            _take(page, FOLDER / f"{name}.png")
            page.close()
        browser.close()


def _take(page: Page, file: Path) -> None:
    if page.locator("#view").count():
        page.wait_for_selector("#view[data-state=drawn]")
    page.wait_for_timeout(500)
    page.screenshot(path=file)
    sys.stdout.write(f"wrote {file}\n")


if __name__ == "__main__":
    main()
