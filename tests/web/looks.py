"""What the tests with a browser wait for, and what they look at."""

import os
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page
from tests.support.harness import query
from tests.support.page import ID, ZONE

from bluenova_tools.local import Database


def drawn(page: Page) -> Page:
    """The page, as soon as its charts are drawn."""
    page.wait_for_selector("#view[data-state=drawn]", timeout=60_000)
    return page


def write_report(database: Database, folder: Path, *arguments: str) -> Path:
    """The report of a battery with 16 cells."""
    file = folder / "report.html"
    command = [sys.executable, "-m", "bluenova_dashboard.report", "-b", ID, "-o", str(file)]
    environment = {**os.environ, "TZ": ZONE, **database.environment()}
    subprocess.run([*command, *arguments], env=environment, check=True)
    return file


def live_row(database: Database) -> None:
    """Adds a row of now, of a battery of its own."""
    query(
        database,
        "INSERT INTO battery_pack (mcu_id, insert_time_utc, soc, v_pack, i_pack)"
        " VALUES (7, now() AT TIME ZONE 'UTC', 50, 53, 1)",
    )
