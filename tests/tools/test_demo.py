"""The demo from end to end: real services, real rows, and nothing left behind."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from bluenova_tools.demo.rows import as_table

pytestmark = [pytest.mark.services, pytest.mark.slow]


class Demo:
    """The demo as a child process, its temporary folders in one of ours."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.output = folder / "output"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bluenova_tools.demo"],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1", **environment},
            )

    def text(self) -> str:
        return self.output.read_text()

    def wait_for(self, pattern: str, timeout_s: float = 40) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not re.search(pattern, self.text()):
            assert time.monotonic() < deadline_s, self.text()
            time.sleep(0.05)

    def children(self) -> list[str]:
        """The command lines of all processes that know our temporary folder."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                environment = (path / "environ").read_bytes()
                command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if f"TMPDIR={self.folder}".encode() in environment and command:
                found.append(command)
        return found

    def leaves_nothing_behind(self) -> bool:
        return not self.children() and list(self.folder.iterdir()) == [self.output]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every account can enter, as pytest's own cannot.

    PostgreSQL and the broker run as nobody when we are root.
    """
    with tempfile.TemporaryDirectory(prefix="bluenova-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., Demo]]:
    """Starts a demo with these variables; at the end of the test it is gone."""
    started: list[Demo] = []

    def start(**environment: str) -> Demo:
        started.append(Demo(folder, **environment))
        return started[-1]

    yield start
    for demo in started:
        demo.process.kill()
        demo.process.wait()


def test_it_ends_by_itself_and_says_how_many_rows_there_are(start: Callable[..., Demo]) -> None:
    demo = start(DEMO_SECONDS="8")
    assert demo.process.wait(60) == 0, demo.text()
    text = demo.text()
    rows = re.search(r"^(\d+) rows were recorded\. Nothing is left running\.$", text, re.MULTILINE)
    assert rows, text
    assert 4 <= int(rows[1]) <= 14
    assert re.search(r"^\d\d:\d\d:\d\d  1A2B3C4D .* V ", text, re.MULTILINE)
    assert re.search(r"^\d\d:\d\d:\d\d  5E6F7081 .* V ", text, re.MULTILINE)
    newest = text[text.index("The newest rows of battery_pack:") :]
    assert re.search(r"^\d\d:\d\d:\d\d +1A2B3C4D +\d+ +5\d\.\d+ ", newest, re.MULTILINE), newest
    assert ("\n…\n" in newest) == (int(rows[1]) > 6)
    assert "Traceback" not in text
    assert demo.leaves_nothing_behind()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_like_its_time(start: Callable[..., Demo], number: signal.Signals) -> None:
    demo = start()
    demo.wait_for(r"(?s)(\n\d\d:\d\d:\d\d  \w{8} .*){2}")  # with one snapshot, "1 row was recorded"
    assert len(demo.children()) > 6
    demo.process.send_signal(number)
    assert demo.process.wait(20) == 0, demo.text()
    assert "rows were recorded. Nothing is left running." in demo.text()
    assert "Traceback" not in demo.text()
    assert demo.leaves_nothing_behind()


@pytest.mark.parametrize("said", ["Mosquitto: ", "Live view"], ids=["at first", "when all is up"])
def test_a_signal_during_the_start_ends_it_too(start: Callable[..., Demo], said: str) -> None:
    demo = start()
    demo.wait_for(said)
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(20) == 0, demo.text()
    assert "Nothing is left running." in demo.text()
    assert "Traceback" not in demo.text()
    assert demo.leaves_nothing_behind()


def test_the_shortest_of_times_is_time_enough(start: Callable[..., Demo]) -> None:
    demo = start(DEMO_SECONDS="0.01")
    assert demo.process.wait(60) == 0, demo.text()
    assert "recorded. Nothing is left running." in demo.text()
    assert demo.leaves_nothing_behind()


def test_numbers_of_a_column_have_equal_decimals_and_no_line_ends_in_blanks() -> None:
    time_utc = datetime(2026, 11, 23, 12, 0, 2)  # noqa: DTZ001  # the table's times have no zone
    rows = [
        (time_utc, 0x1A2B3C4D, 63, 54.0, 3.7, 3.35, 3.403, "CHARGE"),
        (time_utc, 0x5E6F7081, 100, None, -30.47, 3.2, 3.2671, None),
    ]
    assert as_table(rows) == [
        "UTC       mcu_id    soc  v_pack  i_pack  v_cell_min  v_cell_max  system_state",
        "12:00:02  1A2B3C4D   63  54.000    3.70       3.350       3.403  CHARGE",
        "12:00:02  5E6F7081  100       –  -30.47       3.200       3.267  –",
    ]


def test_a_service_that_dies_is_told_with_its_log(start: Callable[..., Demo]) -> None:
    demo = start()
    demo.wait_for("1A2B3C4D .* V ")
    (recorder,) = [path for path in Path("/proc").glob("[0-9]*/cmdline") if is_recorder(path, demo)]
    os.kill(int(recorder.parent.name), signal.SIGKILL)
    assert demo.process.wait(20) == 1, demo.text()
    assert "recorder ended by itself with status -9. The last lines of" in demo.text()
    assert "Traceback" not in demo.text()
    assert demo.leaves_nothing_behind()


def is_recorder(path: Path, demo: Demo) -> bool:
    try:
        if b"bluenova_recorder" not in path.read_bytes():
            return False
        return f"TMPDIR={demo.folder}".encode() in (path.parent / "environ").read_bytes()
    except OSError:
        return False


@pytest.mark.parametrize("seconds", ["x", "0", "-1", "nan"])
def test_a_wrong_number_of_seconds_is_told(start: Callable[..., Demo], seconds: str) -> None:
    demo = start(DEMO_SECONDS=seconds)
    assert demo.process.wait(20) == 1
    assert "DEMO_SECONDS=30" in demo.text()
    assert "Traceback" not in demo.text()
