"""The collectors of many batteries, from their names and addresses."""

import shutil
import subprocess
from pathlib import Path
from subprocess import CompletedProcess

import pytest

ROOT = Path(__file__).parents[2]
OVERRIDE = "docker-compose.override.yml"


def batteries(*words: str, script: Path = ROOT / "tools/batteries.sh") -> CompletedProcess[str]:
    return subprocess.run([str(script), *words], capture_output=True, text=True, check=False)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The script in a checkout of its own, at tmp_path."""
    (tmp_path / "tools").mkdir()
    return Path(shutil.copy(ROOT / "tools/batteries.sh", tmp_path / "tools"))


def test_twenty_batteries_take_one_command() -> None:
    names = [f"cell-{n}" for n in range(2, 21)]
    done = batteries("--print", *(f"{name}=192.168.1.{n}" for n, name in enumerate(names)))
    assert done.returncode == 0
    text = done.stdout
    assert text.count("extends: {file: docker-compose.yml, service: collector}") == len(names)
    assert all(f"\n  collector-{name}:\n" in text for name in names)
    assert all(text.count(f"/data/{name}.sqlite") == 1 for name in names)


def test_one_battery_is_as_in_the_example() -> None:
    example = (ROOT / "docker-compose.override.yml.example").read_text()
    lines = [line.split(" #")[0] for line in example.splitlines()]
    made = batteries("--print", "garage=192.168.1.51").stdout.replace("'", "").splitlines()
    assert [line.replace(" BATTERY_PORT: 9000,", "") for line in made[1:]] == lines


def test_a_port_is_given_behind_the_address() -> None:
    made = batteries("--print", "barn=barn.lan:9001").stdout
    assert (
        "{BATTERY_HOST: 'barn.lan', BATTERY_PORT: '9001', OUTBOX_PATH: /data/barn.sqlite}" in made
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "name the batteries"),
        ("192.168.1.51", "not of the form name=address"),
        ("Garage=192.168.1.51", "'Garage' is no name"),
        ("-a=192.168.1.51", "'-a' is no name"),
        ("a={}", "'{}' is neither"),
        ("a=", "'' is neither"),
        ("a=b:", "'' is not a port"),
        ("a=b:99999", "'99999' is not a port"),
        ("a=b:x", "'x' is not a port"),
        ("a=b a=c", "the name a comes twice"),
        ("a=b c=B:09000", "B:9000 is the battery a already"),
        ("outbox=b", "first battery's outbox"),
    ],
)
def test_what_cannot_be_right_is_refused(words: str, said: str) -> None:
    done = batteries("--print", *words.split())
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stdout == ""


def test_the_file_is_written_whole_or_not_at_all(script: Path, tmp_path: Path) -> None:
    file = tmp_path / OVERRIDE
    assert batteries("garage=192.168.1.51", script=script).returncode == 0
    before = file.read_text()
    assert "collector-garage" in before
    assert batteries("garage=192.168.1.51", "Barn=b", script=script).returncode == 1
    assert file.read_text() == before
    assert batteries("garage=192.168.1.51", "barn=b", script=script).returncode == 0
    assert "collector-barn" in file.read_text()
    assert list(tmp_path.glob("*.new")) == []


def test_settings_of_ones_own_are_left_alone(script: Path, tmp_path: Path) -> None:
    file = tmp_path / OVERRIDE
    file.write_text("services:\n  recorder:\n    environment: {BATCH_ROWS: 1000}\n")
    done = batteries("garage=192.168.1.51", script=script)
    assert done.returncode == 1
    assert "has settings of yours" in done.stderr
    assert "BATCH_ROWS" in file.read_text()


def test_the_battery_of_env_is_not_read_twice(script: Path, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BATTERY_HOST=192.168.1.50\nBATTERY_PORT=9001\n")
    done = batteries("house=192.168.1.50:9001", script=script)
    assert "192.168.1.50:9001 is the battery of .env already" in done.stderr
    assert batteries("house=192.168.1.50", script=script).returncode == 0
