"""The log: its form, and what is on the disk when. What rotates, the collector's tests show."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bluenova_shared.logs import KeptLogFile

Open = Callable[..., KeptLogFile]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.log"


@pytest.fixture
def open_log(path: Path) -> Iterator[Open]:
    """Opens the log; it is closed in the end."""
    with ExitStack() as stack:

        def opened(*, files: int = 2, max_bytes: int = 0, flush: bool = False) -> KeptLogFile:
            log = KeptLogFile(path, files=files, max_bytes=max_bytes, flush=flush)
            return stack.enter_context(closing(log))

        yield opened


def say(log: KeptLogFile, text: str, level: int = logging.INFO) -> None:
    log.handle(logging.LogRecord("name", level, "path", 1, text, None, None))


def test_a_line_may_wait_until_the_end(open_log: Open, path: Path) -> None:
    log = open_log()
    say(log, "first")
    assert path.read_text() == ""
    log.close()
    assert path.read_text() == "first\n"


def test_a_warning_takes_all_before_it_to_the_disk(open_log: Open, path: Path) -> None:
    log = open_log()
    say(log, "first")
    say(log, "second", logging.WARNING)
    say(log, "third")
    assert path.read_text() == "first\nsecond\n"


def test_with_flush_each_line_is_on_the_disk_at_once(open_log: Open, path: Path) -> None:
    log = open_log(flush=True)
    say(log, "first")
    assert path.read_text() == "first\n"


def test_the_one_file_that_is_kept_starts_anew_when_it_is_full(open_log: Open, path: Path) -> None:
    log = open_log(files=1, max_bytes=30)
    for number in range(4):
        say(log, f"{number} and ten more")  # 16 bytes with the line's end
    log.close()
    assert [file.name for file in path.parent.iterdir()] == ["a.log"]
    assert path.read_text() == "3 and ten more\n"


def test_as_many_files_are_kept_as_is_said(open_log: Open, path: Path) -> None:
    log = open_log(files=3, max_bytes=30)
    for number in range(9):
        say(log, f"{number} and ten more")
    log.close()
    texts = {file.name: file.read_text() for file in path.parent.iterdir()}
    assert texts == {
        "a.log": "8 and ten more\n",
        "a.log.1": "7 and ten more\n",
        "a.log.2": "6 and ten more\n",
    }


PROGRAM = """
import logging, sys
from bluenova_shared import logs
logs.set_up(sys.argv[1])
logging.getLogger("ours").debug("a detail")
logging.getLogger("ours").info("what is said: %s", "\\u00fc")
for library in ("websockets.client", "asyncio", "paho.mqtt"):
    logging.getLogger(library).error("a library's word")
"""


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("DEBUG", [["DEBUG", "a detail"], ["INFO", "what is said: \u00fc"]]),
        ("INFO", [["INFO", "what is said: \u00fc"]]),
        ("WARNING", []),
    ],
)
def test_a_line_has_its_time_in_utc_its_level_and_no_library_s_word(
    level: str, expected: list[list[str]]
) -> None:
    began = datetime.now(UTC).replace(microsecond=0)
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, level],
        env={**os.environ, "TZ": "Asia/Tokyo", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    said = [line.split(" ", 2) for line in ended.stdout.splitlines()]
    assert [words[1:] for words in said] == expected
    for time, *_ in said:
        assert began <= datetime.fromisoformat(time) <= datetime.now(UTC)
    assert ended.stderr == ""
