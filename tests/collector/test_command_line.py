"""The command line: wrong flags, and how the programs themselves end with wrong settings."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.settings import SECRET, wrong

from bluenova_collector.settings import CollectorSettings
from bluenova_recorder.settings import RecorderSettings
from bluenova_shared.settings import ServiceSettings

pytestmark = pytest.mark.usefixtures("no_settings")


@pytest.mark.parametrize(
    "arguments", [["-x"], ["--colour", "blue"], ["-i"], ["-b"], ["-i", "10", "more"]]
)
def test_a_wrong_command_line_is_reported(arguments: list[str]) -> None:
    assert "command line" in wrong(CollectorSettings, *arguments)


@pytest.mark.parametrize(
    "arguments", [["-daemon"], ["--daemon"], ["-daemon", "-b", "x"], ["-i", "5", "-daemon"]]
)
@pytest.mark.parametrize("settings", [CollectorSettings, RecorderSettings])
def test_daemon_is_answered_with_what_to_do_instead(
    settings: type[ServiceSettings], arguments: list[str]
) -> None:
    said = wrong(settings, *arguments)
    assert "restart policy" in said
    assert "systemd" in said
    assert "aemon'" not in said


def run(
    module: str, *arguments: str, folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """A program that is to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "BATTERY_HOST": "127.0.0.1"}
        | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize(
    ("module", "arguments", "environment", "said"),
    [
        ("bluenova_collector", ["-i", "0"], {}, "INTERVAL"),
        ("bluenova_collector", ["forget", f"--mqtt-password={SECRET}"], {}, "MCU ID"),
        ("bluenova_collector", ["-daemon"], {}, "restart policy"),
        ("bluenova_collector", ["-i"], {}, "command line"),
        ("bluenova_collector", [], {"MQTT_PORT": "0"}, "MQTT_PORT"),
        ("bluenova_collector", ["-l", "/nowhere/at/all.log"], {}, "LOG_FILE"),
        ("bluenova_collector", [], {"OUTBOX_PATH": "/proc/outbox.sqlite"}, "OUTBOX_PATH"),
        ("bluenova_collector", [], {"MQTT_TLS": "1", "MQTT_TLS_CA": "/none"}, "MQTT_TLS_CA"),
        ("bluenova_collector", [], {"MQTT_USERNAME": ""}, "MQTT_USERNAME is not"),
        ("bluenova_collector", [], {"MQTT_TLS_CA": "/ca.crt"}, "Set MQTT_TLS=true"),
        ("bluenova_collector", [], {"MQTT_TLS": "1", "MQTT_TLS_KEY": "/k"}, "MQTT_TLS_CERT is not"),
        ("bluenova_collector", ["-d", "homeauto"], {}, "docs/migrating.md"),
        ("bluenova_recorder", ["-n", "0"], {}, "LOG_FILES"),
        ("bluenova_recorder", [], {"PGDATABASE": ""}, "PGDATABASE"),
        ("bluenova_recorder", ["-daemon"], {}, "restart policy"),
    ],
)
def test_wrong_settings_end_the_program_with_status_1_and_a_message(
    module: str, arguments: list[str], environment: dict[str, str], said: str, tmp_path: Path
) -> None:
    account = {"MQTT_USERNAME": "me", "MQTT_PASSWORD": SECRET}
    ended = run(module, *arguments, folder=tmp_path, **{**account, **environment})
    assert ended.returncode == 1, ended.stderr + ended.stdout
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert SECRET not in ended.stderr + ended.stdout
    assert all(line.startswith(module.replace("_", "-")) for line in ended.stderr.splitlines())


@pytest.mark.parametrize(
    ("module", "letters"), [("bluenova_collector", "bilnmfr"), ("bluenova_recorder", "dulnmf")]
)
def test_help_lists_the_letters_and_ends_with_status_0(
    module: str, letters: str, tmp_path: Path
) -> None:
    ended = run(module, "--help", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert not set(re.findall("None|[*]|True|False|SecretStr|Path", ended.stdout))
    for letter in letters:
        assert f" -{letter}" in ended.stdout or f"-{letter}," in ended.stdout, ended.stdout
