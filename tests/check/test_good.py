"""Beside an installation that works, `check` says so, and changes nothing."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

import pytest
from tests.support.checking import Checker
from tests.support.harness import eventually, query
from tests.support.installation import Installation, account
from tests.support.settings import SECRET
from tests.support.strangers import Client

from bluenova_shared.check.report import to_lines
from bluenova_shared.check.result import Result

pytestmark = pytest.mark.services

BATTERY = ("battery name", "battery port", "battery websocket", "battery lines", "battery MCU ID")
OUTBOX = ("outbox", "outbox waiting", "newest snapshot", "outbox room")
BROKER = (
    *("broker name", "broker port", "broker TLS", "broker protocol", "broker account"),
    *("broker retained", "broker packet size"),
)


def test_all_that_a_recorder_needs_is_well(installation: Installation, checker: Checker) -> None:
    # The hours' triggers come some seconds after the table.
    eventually(lambda: checker.recorder(installation.recorders)["hours"].state == "ok")
    checked = checker.recorder(installation.recorders)
    assert checked.names("warning") == checked.names("skipped") == []
    assert checked.names("ok") == [
        *("settings", "service", "database reachable", "database account", "database clock"),
        *("database encoding", "database rights", "table", "database pooler"),
        *("database blockers", "table's key", "newest rows", "hours", "table's size"),
        *(*BROKER, "broker sharing", "write bluenova/+/recorded", "write bluenova/recorder"),
        *("read bluenova/+/snapshot", "read bluenova/+/backlog", "snapshots"),
    ]
    assert checked["newest rows"].found.startswith("1A2B3C4D, ")


def test_a_fresh_row_tells_that_snapshots_come_however_rarely(
    installation: Installation, checker: Checker
) -> None:
    # Where nobody publishes, as if the next one came in an hour.
    checked = checker.recorder({**installation.recorders, "TOPIC_ROOT": "elsewhere"})
    assert checked["snapshots"].state == "ok"
    assert checked["snapshots"].found.startswith("they come, as the newest row is")


def test_home_assistants_word_is_heard_if_it_is_retained(
    installation: Installation, checker: Checker
) -> None:
    name, password = account("homeassistant").values()
    with Client(installation.broker.port, name, password) as client:
        assert client.may_publish("homeassistant/status", "online", retain=True)
        assert checker.collector(installation.collectors)["home assistant"].state == "ok"
        assert client.may_publish("homeassistant/status", "", retain=True)


def run(program: str, settings: Mapping[str, Any], *arguments: str, **more: str) -> Any:
    """The program itself, as a person calls it."""
    environment = {name: str(value) for name, value in settings.items()} | more
    return subprocess.run(
        [sys.executable, "-m", program, "check", *arguments],
        env={"PATH": os.environ["PATH"], "BATTERY_HOST": "127.0.0.1"} | environment,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )


def test_the_program_prints_lines_and_ends_with_0_or_1(installation: Installation) -> None:
    ended = run("bluenova_recorder", installation.recorders, PYTHONIOENCODING="ascii")
    assert ended.returncode == 0, ended.stdout
    assert ended.stderr == ""
    assert "\x1b" not in ended.stdout, "no colours in a pipe"
    assert "ok       newest rows  " in ended.stdout
    assert "0 wrong" in ended.stdout.splitlines()[-1]

    ended = run("bluenova_collector", installation.collectors, MQTT_PASSWORD=SECRET)
    assert ended.returncode == 1
    assert ended.stderr == "bluenova-collector: wrong: broker account\n"
    assert "WRONG    broker account" in ended.stdout
    assert "-> Set MQTT_USERNAME and MQTT_PASSWORD_FILE" in ended.stdout
    assert "not looked at, as it needs: broker account" in ended.stdout
    assert SECRET not in ended.stdout


def test_wrong_settings_are_results_too(installation: Installation, checker: Checker) -> None:
    checked = checker.recorder({**installation.recorders, "BATCH_ROWS": "0", "MQTT_PORT": "x"})
    assert [one.name for one in checked.results] == ["settings", "settings"]
    assert ["BATCH_ROWS" in one.found for one in checked.results].count(True) == 1
    assert all(one.cure.startswith("Set it to ") for one in checked.results)


def test_a_terminal_gets_colours_and_nothing_that_could_steer_it() -> None:
    lines = to_lines([Result("one", "wrong", "bad \x1b[2J text", "mend\nit")], 5, in_colour=True)
    assert lines == [
        "\x1b[31mWRONG   \x1b[0m one    bad  [2J text",
        f"{'':8} {'':5}  -> mend it",
    ]


def test_all_that_a_collector_needs_is_well(installation: Installation, checker: Checker) -> None:
    # Home Assistant's five messages go out one at a time.
    discovery = "home assistant discovery"
    eventually(
        lambda: checker.collector(installation.collectors)[discovery].state == "ok", timeout_s=40
    )
    checked = checker.collector(installation.collectors)
    assert checked.names("warning") == []
    assert checked.names("skipped") == ["home assistant"], "its word is not retained"
    assert checked.names("ok") == [
        *("settings", "service", "clock", *BATTERY, *OUTBOX, *BROKER),
        *("write bluenova/+/snapshot", "write bluenova/+/availability"),
        *("write bluenova/+/status", "write bluenova/collector/+", "write bluenova/+/backlog"),
        "write homeassistant/device/+/config",
        *("read bluenova/+/recorded", "read bluenova/recorder", "read homeassistant/status"),
        *("recorder", "own name", "home assistant discovery"),
    ]
    assert checked["battery MCU ID"].found.startswith("1A2B3C4D, ")
    assert "the collector that runs has it" in checked["outbox"].found


def retained(installation: Installation) -> dict[str, bytes]:
    """What the broker keeps of all that there is, but what changes by itself."""
    name, password = account("homeassistant").values()
    kept: dict[str, bytes] = {}
    with Client(installation.broker.port, name, password) as client:
        client.client.on_message = lambda _c, _u, m: (
            kept.update({m.topic: bytes(m.payload)}) if m.retain else None
        )
        client.subscribe("bluenova/+/snapshot", "bluenova/+/availability", "bluenova/collector/+",
                         "bluenova/+/status", "homeassistant/#")  # fmt: skip
        time.sleep(0.5)
    return {topic: payload for topic, payload in kept.items() if not topic.endswith("/status")} | {
        topic: b"" for topic in kept if topic.endswith("/status")
    }


def test_nothing_is_changed_and_nobody_is_disturbed(
    installation: Installation, checker: Checker
) -> None:
    outbox = installation.collectors["OUTBOX_PATH"].parent
    before = retained(installation)
    files = {path.name for path in outbox.iterdir()}
    collectors, recorders = installation.collector.lines(), installation.recorder.lines()
    (held,) = query(installation.database, "SELECT count(*) FROM pg_stat_user_tables")
    checker.collector(installation.collectors)
    checker.recorder(installation.recorders)
    assert before, "or nothing is compared"
    assert retained(installation) == before
    assert {path.name for path in outbox.iterdir()} == files
    assert installation.collector.lines() == collectors, "not a word in its log"
    assert installation.recorder.lines() == recorders
    assert query(installation.database, "SELECT count(*) FROM battery_pack_rejected") == [(0,)]
    assert query(installation.database, "SELECT count(*) FROM pg_stat_user_tables") == [held]
    batteries = "SELECT DISTINCT mcu_id FROM battery_pack"
    assert query(installation.database, batteries) == [(0x1A2B3C4D,)]
