"""What the compose files take from .env, and what .env.example tells of it."""

import re
from pathlib import Path

import pytest

from bluenova_collector.settings import CollectorSettings
from bluenova_dashboard.settings import DashboardSettings
from bluenova_recorder.settings import RecorderSettings

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "docker-compose.yml", *sorted((ROOT / "docs" / "compose").glob("*.yml"))]
EXAMPLE = (ROOT / ".env.example").read_text()
# A setting: its name, and its default unless it has none.
TAKEN = re.compile(r"(?<!\$)\$\{(\w+)(?::-([^}]*))?")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_each_setting_is_explained_with_its_default(file: Path) -> None:
    explained = dict(re.findall(r"^#.*[.:]\n#?(\w+)=(.*)$", EXAMPLE, re.MULTILINE))
    for name, default in TAKEN.findall(file.read_text()):
        assert name in explained
        if default and name != "BATTERY_HOST":  # without one it is the demo's
            assert explained[name] == default


def test_only_what_is_a_setting_is_explained() -> None:
    taken = {name for file in FILES for name, _ in TAKEN.findall(file.read_text())}
    explained = set(re.findall(r"^#?([A-Z_]+)=", EXAMPLE, re.MULTILINE))
    assert explained == taken | {"COMPOSE_FILE"}


def test_a_service_is_given_only_what_it_knows() -> None:
    known = {
        *CollectorSettings.model_fields,
        *RecorderSettings.model_fields,
        *DashboardSettings.model_fields,
    }
    elsewhere = {"PGHOST", "PGPORT", "PGSSLMODE", "PGSSLROOTCERT"}  # libpq's own
    for file in FILES:
        services = re.split(r"^  (?=\w)", file.read_text(), flags=re.MULTILINE)
        for service in services:
            if service.startswith(("collector:", "recorder:", "dashboard:")):
                given = set(re.findall(r"^      ([A-Z_]+): ", service, re.MULTILINE))
                fields = {name.removesuffix("_FILE").lower() for name in given - elsewhere}
                assert fields - {"health"} <= known
