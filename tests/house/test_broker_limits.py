"""The broker's limits follow its memory, by one setting."""

import re
import subprocess
from pathlib import Path

import pytest

from bluenova_tools.local import Mosquitto

ROOT = Path(__file__).parents[2]
SETTINGS = (ROOT / "mosquitto" / "mosquitto.conf").read_text()
LIMITS = re.compile(r"^(max_connections|max_queued_\w+|memory_limit) (\d+)$", re.MULTILINE)


def limited(memory: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(ROOT / "mosquitto" / "limits.sh"), memory]
    return subprocess.run(command, input=SETTINGS, capture_output=True, text=True, check=False)


def test_a_homes_limits_are_those_of_the_file() -> None:
    assert limited("128m").stdout == SETTINGS


@pytest.mark.services
def test_a_fleet_gets_more_of_each_and_nothing_else_changes() -> None:
    text = limited("1g").stdout
    home, fleet = dict(LIMITS.findall(SETTINGS)), dict(LIMITS.findall(text))
    assert len(home) == 4
    assert fleet.keys() == home.keys()
    assert all(int(fleet[name]) >= 8 * int(home[name]) for name in home), fleet
    assert int(fleet["max_connections"]) > 10_000
    assert int(fleet["memory_limit"]) < 2**30
    assert LIMITS.sub("", text) == LIMITS.sub("", SETTINGS)
    with Mosquitto(config=[f"{name} {value}" for name, value in fleet.items()]):
        pass  # it starts with them, and answers


@pytest.mark.parametrize("memory", ["", "64m", "1", "1.5g", "m", "-1g", "x1g", "1G", "127m"])
def test_a_memory_that_cannot_be_right_is_refused(memory: str) -> None:
    done = limited(memory)
    assert done.returncode == 1
    assert done.stderr.startswith(f"MQTT_MEMORY is '{memory}'")
    assert done.stdout == ""
