"""`make pictures`: the page's pictures for the documents, by the demo and Debian's chromium."""

import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from bluenova_tools.demo.chain import BATTERIES, Chain

FOLDER = Path("docs/pictures")
BATTERY = BATTERIES[0][0]
# Name, address, dark or not, and width and height.
PICTURES = (
    ("batteries", "/", False, (1000, 560)),
    ("charts", f"/battery?id={BATTERY}&range=day", False, (1100, 1500)),
    ("charts-dark", f"/battery?id={BATTERY}&range=day", True, (1100, 900)),
    ("health", f"/health?id={BATTERY}", False, (1000, 900)),
)


def main() -> int:
    """Writes them into the folder docs/pictures below the current one."""
    program = shutil.which("chromium")
    if program is None:
        print("chromium was not found: apt-get install chromium", file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    with ExitStack() as stack, sync_playwright() as playwright:
        chain = Chain(stack)
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, path, dark, (width, height) in PICTURES:
            page = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if dark else "light",
            )
            page.goto(chain.page + path)
            _take(page, FOLDER / f"{name}.png")
            page.close()
        browser.close()
    return 0


def _take(page: Page, file: Path) -> None:
    if page.locator("#view").count():
        page.wait_for_selector("#view[data-state=drawn]")
    page.wait_for_timeout(500)
    page.screenshot(path=file)
    print(f"wrote {file}")


if __name__ == "__main__":
    sys.exit(main())
