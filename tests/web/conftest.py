"""A real browser on a page with three days of two batteries."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from tests.support.collecting import is_named
from tests.support.page import Page as Served
from tests.support.page import serving, three_days

from bluenova_tools.local import Database, Postgres


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave these to `make test-web`, which names the folder: they need a browser."""
    return None if is_named(Path(__file__).parent, config) else True


@pytest.fixture(scope="session")
def history(postgres: Postgres) -> Iterator[Database]:
    """Two batteries, and the last three days; not to be written to."""
    with three_days(postgres) as database:
        yield database


@pytest.fixture(scope="session")
def served(history: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page on three days until now."""
    with serving(history, tmp_path_factory.mktemp("page")) as page:
        yield page


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium was not found: apt-get install chromium")
    with sync_playwright() as playwright:
        # Without its own sandbox it also runs as root, in a container.
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def visit(browser: Browser, served: Served) -> Iterator[Callable[..., Page]]:
    """Opens an address in a window of its own.

    At the end nothing may stand on its console, and nothing may have been asked of another host.
    """
    contexts: list[BrowserContext] = []
    said: list[str] = []
    allowed: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        said.append(f"{message.type}: {message.text}")

    def visit(path: str, *, at: str = "", may_say: str = "", **options: Any) -> Page:
        options.setdefault("viewport", {"width": 1280, "height": 900})
        options.setdefault("timezone_id", "Pacific/Auckland")  # not the site's
        context = browser.new_context(**options)
        contexts.append(context)
        if may_say:
            allowed.append(may_say)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", hear)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda asked: said.append(asked.url) if foreign(asked.url) else None)
        page.goto((at or served.address) + path)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert [line for line in said if not any(words in line for words in allowed)] == []


def foreign(url: str) -> bool:
    """Whether an address leads to another host."""
    return not url.startswith(("http://127.0.0.1:", "file:", "data:", "blob:http://127.0.0.1:"))
