"""The collectors of many batteries, from their names and addresses."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def batteries(*words: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "tools" / "batteries.sh"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_twenty_batteries_take_one_command() -> None:
    names = [f"cell-{n}" for n in range(2, 21)]
    done = batteries(*(f"{name}=192.168.1.{n}" for n, name in enumerate(names)))
    assert done.returncode == 0
    text = done.stdout
    assert text.count("extends: {file: docker-compose.yml, service: collector}") == len(names)
    assert all(f"\n  collector-{name}:\n" in text for name in names)
    assert all(text.count(f"/data/{name}.sqlite") == 1 for name in names)


def test_one_battery_is_as_in_the_example() -> None:
    example = (ROOT / "docker-compose.override.yml.example").read_text()
    lines = [line.split(" #")[0] for line in example.splitlines()]
    made = batteries("garage=192.168.1.51").stdout.replace("'", "").splitlines()
    assert made[1:] == lines


def test_a_port_is_given_behind_the_address() -> None:
    made = batteries("barn=barn.lan:9001").stdout
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
        ("a=b:", "no port"),
        ("a=b:x", "'x' is not a port"),
        ("a=b a=c", "the name a comes twice"),
        ("a=b c=b:9000", "the address b:9000 comes twice"),
        ("outbox=b", "first battery's outbox"),
    ],
)
def test_what_cannot_be_right_is_refused(words: str, said: str) -> None:
    done = batteries(*words.split())
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stdout == ""
