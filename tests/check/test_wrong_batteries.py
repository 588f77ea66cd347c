"""Batteries, clocks and disks that keep a collector from its work: each is named, with its cure."""

import dataclasses
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.support.checking import COLLECTOR, Checked, Checker
from tests.support.factories import fill, open_outbox, snapshot
from tests.support.harness import Battery
from tests.support.outboxes import MEMORY, overwrite

from bluenova_collector.check.outbox_copy import contents_of
from bluenova_shared.clocks import Clocks
from bluenova_tools.chaos.disk import SmallDisk
from bluenova_tools.local import free_port
from bluenova_tools.simulator.behaviour import Behaviour


@pytest.fixture
def check(checker: Checker, tmp_path: Path) -> Callable[..., Checked]:
    """A check of a collector whose broker is away, too."""

    def run(**settings: Any) -> Checked:
        return checker.collector(
            {
                "BATTERY_PORT": free_port(),
                "MQTT_HOST": "127.0.0.1",
                "MQTT_PORT": free_port(),
                "OUTBOX_PATH": tmp_path / "outbox.sqlite",
                "HANDSHAKE_S": "0.5",
                **settings,
            }
        )

    return run


def test_a_battery_whose_name_nobody_knows(check: Callable[..., Checked]) -> None:
    checked = check(BATTERY_HOST="nowhere.invalid")
    checked.assert_names("battery name", "wrong", "nowhere.invalid is not known.*Set BATTERY_HOST")
    assert checked["battery lines"].found == "not looked at, as it needs: battery name"


@pytest.mark.parametrize(
    ("behaviour", "name", "words"),
    [
        pytest.param(
            Behaviour.REFUSE, "battery port", "refused.*Switch the battery on", id="refuses"
        ),
        pytest.param(
            Behaviour.NEVER_ANSWER,
            "battery websocket",
            "no answer to the connection request.*BATTERY_PORT.*restart the battery's board",
            id="never answers",
        ),
        pytest.param(
            Behaviour.NOT_FOUND, "battery websocket", "HTTP 404.*BATTERY_PATH", id="another path"
        ),
        pytest.param(
            Behaviour.SILENT, "battery lines", "no line came within 1 s.*off and on", id="silent"
        ),
        pytest.param(
            Behaviour.FLAP, "battery lines", "no line came; then: it .*off and on", id="flaps"
        ),
    ],
)
def test_a_battery_that_behaves_badly(
    behaviour: Behaviour, name: str, words: str, check: Callable[..., Checked]
) -> None:
    with Battery(behaviour) as battery:
        check(BATTERY_PORT=battery.port).assert_names(name, "wrong", words)


@pytest.mark.parametrize(
    ("lines", "name", "state", "words"),
    [
        pytest.param(
            ["hello", "world"], "battery lines", "wrong", "2 lines, none known.*BATTERY_PORT",
            id="no battery's lines",
        ),
        pytest.param(
            ["SOC: 87", "Vpack: x\u00b0"], "battery lines", "warning",
            r"2 came, 1 of them are known, 1 cannot be read, such as 'Vpack: x\\xb0'.*capture",
            id="one that is garbled",
        ),
        pytest.param(
            ["SOC: 87"], "battery MCU ID", "warning", "not said within 1 s.*make a capture",
            id="no MCU ID",
        ),
    ],
)  # fmt: skip
def test_a_battery_that_says_something_else(
    lines: list[str], name: str, state: str, words: str, check: Callable[..., Checked]
) -> None:
    with Battery() as battery, ThreadPoolExecutor() as beside:
        said = beside.submit(battery.say, *lines)
        check(BATTERY_PORT=battery.port).assert_names(name, state, words)
        said.result()


def test_a_machine_with_neither_battery_nor_broker(check: Callable[..., Checked]) -> None:
    checked = check()
    checked.assert_names("battery port", "wrong", "BATTERY_HOST and BATTERY_PORT")
    checked.assert_names(
        "broker port", "wrong", "Connection refused.*docker compose up -d mosquitto"
    )
    assert set(checked.names("skipped")) >= {"battery MCU ID", "broker account", "own name"}


def test_a_clock_that_was_never_set(checker: Checker, tmp_path: Path) -> None:
    parts = dataclasses.replace(COLLECTOR, clocks=Clocks(lambda: 86400.0, time.monotonic))
    settings = {
        "OUTBOX_PATH": tmp_path / "o",
        "BATTERY_PORT": free_port(),
        "MQTT_PORT": free_port(),
    }
    checked = checker.collector(settings, parts)
    checked.assert_names("clock", "wrong", "1970-01-02 00:00:00 UTC cannot be.*timedatectl")


def test_a_clock_that_was_set_back(check: Callable[..., Checked], tmp_path: Path) -> None:
    port = free_port()
    outbox = open_outbox(tmp_path / "outbox.sqlite", battery=f"127.0.0.1:{port}")
    outbox.commit([], dataclasses.replace(MEMORY, last_end_s=int(time.time()) + 7200))
    outbox.close()
    checked = check(BATTERY_PORT=port)
    checked.assert_names("newest snapshot", "wrong", "(120 min|2 h) in the future.*timedatectl")


def test_an_outbox_that_nobody_empties(check: Callable[..., Checked], tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "outbox.sqlite")
    outbox.commit([snapshot(n) for n in range(30)], MEMORY)
    outbox.close()
    checked = check()
    words = (
        "30 wait .* since 2026-11-23 12:00:00 UTC.*recorder bluenova-recorder check.*RECORDER=none"
    )
    checked.assert_names("outbox waiting", "wrong", words)
    assert check(RECORDER="none")["outbox waiting"].state == "ok"


def test_a_damaged_outbox(check: Callable[..., Checked], tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    open_outbox(path).close()
    overwrite(path, 0, b"\xff" * 4096)
    check().assert_names("outbox waiting", "warning", "damaged.*docker compose up -d collector")
    assert path.read_bytes()[:4] == b"\xff" * 4, "it is left as it was"


def test_a_big_outbox_is_read_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    outbox = open_outbox(path)
    list(fill(outbox, 50))
    outbox.close()
    files = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    found = contents_of(path, most_bytes=1000)
    assert (found.waiting.total(), found.is_exact) == (50, False)
    assert found == dataclasses.replace(contents_of(path), is_exact=False)
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == files


def test_an_outbox_is_neither_made_nor_changed(
    check: Callable[..., Checked], tmp_path: Path
) -> None:
    checked = check(OUTBOX_PATH=tmp_path / "new" / "outbox.sqlite")
    assert checked["outbox"].state == "ok"
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    with SmallDisk(folder, megabytes=12) as disk:
        if not disk.mounted:
            pytest.skip("only root may mount a small file system")
        yield disk


def test_a_full_disk(check: Callable[..., Checked], small_disk: SmallDisk) -> None:
    path = small_disk.folder / "outbox.sqlite"
    open_outbox(path).close()
    small_disk.fill()
    check(OUTBOX_PATH=path).assert_names(
        "outbox room", "wrong", "too little.*Make room on that disk"
    )


def test_a_small_disk_and_one_that_may_only_be_read(
    check: Callable[..., Checked], small_disk: SmallDisk
) -> None:
    path = small_disk.folder / "outbox.sqlite"
    checked = check(OUTBOX_PATH=path, INTERVAL=1)
    checked.assert_names("outbox room", "warning", "3 h of snapshots.*Make room")
    subprocess.run(["mount", "-o", "remount,ro", small_disk.folder], check=True)
    checked = check(OUTBOX_PATH=path)
    checked.assert_names("outbox", "wrong", "cannot write .*Read-only file system.*OUTBOX_PATH")
    assert checked["outbox room"].found == "not looked at, as it needs: outbox"
