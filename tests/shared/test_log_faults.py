"""The log file that is moved away, full disks and closed pipes."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bluenova_shared.logs import LOOK_EVERY_S, KeptLogFile


def record(message: str, created_s: float = 0.0, level: int = logging.INFO) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": message, "created": created_s, "levelno": level})


def log_to(path: Path, *, flush: bool = True) -> KeptLogFile:
    return KeptLogFile(path, files=3, max_bytes=0, flush=flush)


def test_a_file_that_was_moved_away_is_begun_anew_and_nothing_is_lost(tmp_path: Path) -> None:
    path, moved = tmp_path / "log", tmp_path / "moved"
    log = log_to(path, flush=False)
    log.emit(record("one", 100.0))
    path.rename(moved)
    log.emit(record("two", 100.0 + LOOK_EVERY_S / 2))
    log.emit(record("three", 100.0 + LOOK_EVERY_S))
    log.close()
    assert moved.read_text() == "one\ntwo\n"
    assert path.read_text() == "three\n"


def test_a_file_that_is_reopened_goes_on_under_its_name(tmp_path: Path) -> None:
    path, moved = tmp_path / "log", tmp_path / "moved"
    log = log_to(path, flush=False)
    log.emit(record("one"))
    path.rename(moved)
    log.reopen()
    log.emit(record("two"))
    log.close()
    assert (moved.read_text(), path.read_text()) == ("one\n", "two\n")


def test_a_folder_that_is_gone_costs_one_line_and_the_log_goes_on_once_it_is_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    log = log_to(folder / "log")
    folder.rename(tmp_path / "elsewhere")
    for second in range(5):
        log.emit(record("lost", 100.0 + second * LOOK_EVERY_S))
    assert len(capsys.readouterr().err.splitlines()) == 1
    folder.mkdir()
    log.emit(record("again", 200.0))
    log.close()
    assert (folder / "log").read_text() == "again\n"


def test_a_full_disk_costs_one_line_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    log = log_to(Path("/dev/full"))
    for number in range(20):
        log.emit(record(f"line {number}", level=logging.WARNING))
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("The log cannot be written: ")
    assert "No space left" in said


def test_a_console_that_nobody_reads_any_more_costs_one_line(tmp_path: Path) -> None:
    program = (
        "import logging\nfrom bluenova_shared import logs\nlogs.set_up('INFO')\n"
        "for n in range(1000): logging.info('line %d', n)"
    )
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-c", program],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    said = done.stderr.splitlines()
    assert said[0] == "The log cannot be written: [Errno 32] Broken pipe"
    assert "line" not in done.stderr
    assert len(said) <= 3, "Python itself says at its end that standard output is closed"
