"""The report: one file that needs nothing else."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.page import ID

from bluenova_tools.local import Database

pytestmark = pytest.mark.services


def run(database: Database, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bluenova_dashboard.report", *arguments]
    env = {**database.environment(), "TZ": "Europe/Berlin", "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_it_holds_the_charts_and_names_no_other_host(history: Database, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    done = run(history, "--battery", ID, "--range", "week", "--output", str(file))
    assert done.returncode == 0, done.stderr
    text = file.read_text(encoding="utf-8")
    (held,) = re.findall(r'<script type="application/json" id="figures">(.*?)</script>', text)
    assert set(json.loads(held)) == {"charts", "energy"}
    assert not re.search(r'(src|href)="', text.partition("<script>")[0])
    assert "<h2>Cells</h2>" in text
    assert "<h2>Gaps</h2>" in text


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "There are several batteries: say which with --battery, one of 1A2B3C01, 1A2B3C02."),
        (("-b", "DEADBEEF"), "There is no row of a battery DEADBEEF."),
        (("-b", "x"), "A battery's id is its MCU ID"),
        (("-b", ID, "--begin", "2026-02-01", "--end", "2026-01-01"), "ends before it begins"),
        (("-b", ID, "-o", "/nowhere/report.html"), "cannot be written"),
        (("-b", ID, "--range", "century"), "RANGE is 'century'"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    history: Database, arguments: tuple[str, ...], why: str
) -> None:
    done = run(history, *arguments)
    assert done.returncode == 1
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_is_away_is_said(history: Database) -> None:
    away = Database("127.0.0.1", 1, "homeauto", "homeauto", "x")
    done = run(away, "-b", ID)
    assert (done.returncode, done.stderr.strip()) == (
        1,
        "bluenova-report: The database does not answer.",
    )
