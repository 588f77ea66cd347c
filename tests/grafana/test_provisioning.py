"""What Grafana is given at its start, and that Docker gives it all that it names."""

import re
from pathlib import Path

from tests.support.grafana import pages

from bluenova_tools.grafana.query import PLUGIN

ROOT = Path(__file__).parents[2]
SOURCE = (ROOT / "grafana/provisioning/datasources/bluenova.yml").read_text(encoding="utf-8")
PROVIDER = (ROOT / "grafana/provisioning/dashboards/bluenova.yml").read_text(encoding="utf-8")
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
SERVICE = COMPOSE.partition("\n  grafana:\n")[2].partition("\nnetworks:")[0]
SECRETS = (ROOT / "tools" / "secrets.sh").read_text(encoding="utf-8")


def test_the_database_is_named_where_grafana_reads_it() -> None:
    outside, inside = SOURCE.split("    jsonData:\n")
    assert "database:" not in outside
    assert "      database: " in inside
    assert f"type: {PLUGIN}\n" in outside


def test_what_the_data_source_takes_from_outside_is_given() -> None:
    taken = set(re.findall(r"\$__env\{(\w+)\}", SOURCE))
    assert taken
    assert taken <= set(re.findall(r"^      (\w+): ", SERVICE, re.MULTILINE))
    (secret,) = re.findall(r"\$__file\{/bluenova/([\w-]+)\}", SOURCE)
    assert f"give grafana /for/grafana/{secret} " in SECRETS


def test_the_admins_password_is_given() -> None:
    (secret,) = re.findall(r"ADMIN_PASSWORD__FILE: /bluenova/(\S+)", SERVICE)
    assert f"give grafana-admin /for/grafana/{secret} " in SECRETS
    assert "ADMIN_USER: grafana-admin\n" in SERVICE


def test_the_pages_are_where_grafana_looks_for_them() -> None:
    assert "- grafana-config:/bluenova:ro" in SERVICE
    assert "path: /bluenova/dashboards\n" in PROVIDER
    (home,) = re.findall(r"HOME_DASHBOARD_PATH: /bluenova/dashboards/(\S+)\.json", SERVICE)
    assert home in pages()


def test_the_image_is_pinned() -> None:
    # The JSON was checked against this major version's types; another may want another format.
    assert re.search(r"image: grafana/grafana:12\.\d+\n", SERVICE)


def test_it_is_for_its_profile_and_this_machine_alone() -> None:
    assert "profiles: [grafana]\n" in SERVICE
    assert re.findall(r'- "(\S+?):\$\{GRAFANA_PORT', SERVICE) == ["${GRAFANA_BIND:-127.0.0.1}"]
