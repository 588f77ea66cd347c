"""Outboxes that cannot be written or looked at: `check` says why, and harms nothing with a cure."""

import asyncio
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.checking import Checked, Checker
from tests.support.factories import fill, open_outbox
from tests.support.outboxes import MEMORY, overwrite

from bluenova_collector.check.known import Known
from bluenova_collector.check.outbox import OutboxLook
from bluenova_collector.check.outbox_copy import BeingWritten, contents_of
from bluenova_collector.check.outbox_place import trouble_with
from bluenova_shared.check.result import Findings
from bluenova_tools.chaos.disk import SmallDisk
from bluenova_tools.local import free_port

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the outbox is."""
    return tmp_path / "outbox.sqlite"


@pytest.fixture
def check(checker: Checker, path: Path) -> Callable[[], Checked]:
    """A check of a collector whose battery and broker are away."""
    ports = {"BATTERY_PORT": free_port(), "MQTT_HOST": "127.0.0.1", "MQTT_PORT": free_port()}
    return lambda: checker.collector({**ports, "OUTBOX_PATH": path, "HANDSHAKE_S": "0.5"})


def as_nobody(path: Path) -> tuple[str, str]:
    """What a user without rights is told of this outbox, and the cure."""
    if os.geteuid() != 0:
        pytest.skip("only root may become another user")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # rights are asked for the real user, whom a process cannot get back
        with contextlib.suppress(BaseException):
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            trouble = trouble_with(path)
            os.write(writing, f"{trouble.found}\n{trouble.cure}".encode() if trouble else b"\n")
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        found, cure = pipe.read().split("\n")
    os.waitpid(child, 0)
    return found, cure


@pytest.fixture
def open_folder() -> "contextlib.AbstractContextManager[str]":
    """A folder that others may enter, as they may not in pytest's own."""
    return tempfile.TemporaryDirectory(prefix="bluenova-outbox-")


ELSEWHERE = "Set OUTBOX_PATH to a file in a folder that is ours to write, or"


def test_each_place_has_a_cure_that_changes_no_more_than_the_outboxs_own(
    open_folder: contextlib.AbstractContextManager[str],
) -> None:
    with open_folder as name:
        folder = Path(name)
        folder.chmod(0o755)
        outbox = folder / "own" / "deep" / "outbox.sqlite"
        made = f"make this one: sudo install -d -o {NOBODY} -g {NOBODY} {outbox.parent}"
        assert as_nobody(outbox)[1] == f"{ELSEWHERE} {made}"
        outbox.parent.mkdir(parents=True)
        assert as_nobody(outbox)[1] == f"{ELSEWHERE}: sudo chown {NOBODY} {outbox.parent}"
        os.chown(outbox.parent, NOBODY, NOBODY)
        assert as_nobody(outbox) == ("", "")
        for part in ("", "-wal"):
            Path(f"{outbox}{part}").touch(0o600)
        both = f"{outbox} {outbox}-wal"
        assert as_nobody(outbox)[1] == f"{ELSEWHERE}: sudo chown {NOBODY} {both}"
        os.chown(outbox, NOBODY, NOBODY)
        found, cure = as_nobody(outbox)
        assert found == f"user {NOBODY} cannot write {outbox}-wal (Permission denied)"
        assert cure == f"{ELSEWHERE}: sudo chown {NOBODY} {both}"
        os.chown(f"{outbox}-wal", NOBODY, NOBODY)
        outbox.chmod(0o400)
        assert as_nobody(outbox)[1] == f"{ELSEWHERE}: chmod u+rwX {both}"


@pytest.mark.parametrize(
    "folder", ["/", "/etc", "/home", "/var", "/var/lib", "/usr/local/share", "/var/lib/../../etc"]
)
def test_no_cure_gives_a_folder_of_the_system_away(folder: str) -> None:
    found, cure = as_nobody(Path(folder) / "outbox.sqlite")
    assert "cannot write" in found
    assert cure == "Set OUTBOX_PATH to a file in a folder of its own, such as /var/lib/bluenova"
    _, cure = as_nobody(Path(folder) / "own" / "outbox.sqlite")
    own = Path(os.path.normpath(folder)) / "own"
    assert cure.endswith(f"sudo install -d -o {NOBODY} -g {NOBODY} {own}")


def test_a_folder_instead_of_a_file(check: Callable[[], Checked], path: Path) -> None:
    path.mkdir()
    words = f"is a folder; name a file in it.*OUTBOX_PATH={path}/outbox.sqlite"
    check().assert_names("outbox", "wrong", words)
    trouble = trouble_with(Path("/var/lib"))
    assert trouble
    assert trouble.cure == "For example: OUTBOX_PATH=/var/lib/bluenova/outbox.sqlite"


def test_an_empty_file_is_a_new_outbox(check: Callable[[], Checked], path: Path) -> None:
    path.touch()
    checked = check()
    assert checked["outbox"].state == "ok"
    assert checked["outbox"].found.endswith("it is empty, and begun anew")
    assert checked["outbox waiting"].state == "ok"


def test_an_sqlite_file_of_something_else(check: Callable[[], Checked], path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE states (n INTEGER)")
    words = r"is no outbox: an SQLite file with other tables \(states\).*a file of its own"
    check().assert_names("outbox waiting", "wrong", words)


def test_a_collector_that_runs_is_known_of_even_if_its_outbox_cannot_be_read(
    path: Path,
) -> None:
    script = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]);"
        "db.execute('PRAGMA locking_mode = EXCLUSIVE'); db.execute('PRAGMA journal_mode = WAL');"
        "db.execute('CREATE TABLE states (n INTEGER)'); db.commit(); print(flush=True); input()"
    )
    known, findings = Known(), Findings()
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", script, path], stdin=pipe, stdout=pipe) as user:
        assert user.stdout
        user.stdout.readline()
        look = OutboxLook(path, "127.0.0.1:80", 1000, 10, True, known, time.time)
        asyncio.run(look.look(findings))
        user.communicate(b"\n")
    assert [one.name for one in findings.results if one.state == "wrong"] == ["outbox waiting"]
    assert known.in_use


def test_no_room_for_the_copy(
    check: Callable[[], Checked], path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = open_outbox(path)
    outbox.commit([], MEMORY)
    folder = tmp_path / "disk"
    folder.mkdir()
    with SmallDisk(folder, megabytes=1) as disk:
        if not disk.mounted:
            pytest.skip("only root may mount a small file system")
        monkeypatch.setattr(tempfile, "tempdir", str(folder))  # documented as what TMPDIR sets
        disk.fill()
        checked = check()
    outbox.close()
    words = f"there is no room for a copy of the outbox in {folder}.*TMPDIR"
    checked.assert_names("outbox waiting", "warning", words)


def test_a_big_outbox_that_is_half_written_is_not_called_damaged(
    check: Callable[[], Checked], tmp_path: Path
) -> None:
    path, moved = tmp_path / "outbox.sqlite", tmp_path / "moved.sqlite"
    outbox = open_outbox(path)
    list(fill(outbox, 50))
    for part in ("", "-wal"):  # as one that runs has them
        shutil.copyfile(f"{path}{part}", f"{moved}{part}")
    outbox.close()
    overwrite(moved, 0, b"\xff" * 4096)  # as if its pages were just moved
    os.truncate(moved, 25 * 2**20)
    with pytest.raises(BeingWritten):
        contents_of(moved, most_bytes=1000)
    for part in ("", "-wal"):
        shutil.copyfile(f"{moved}{part}", f"{path}{part}")
    words = "a collector ended while it wrote there.*Start it"
    check().assert_names("outbox waiting", "warning", words)
    Path(f"{moved}-wal").unlink()
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        contents_of(moved, most_bytes=1000)
