"""What Grafana is given at its start, and that Docker gives it all that it names."""

import re
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg2
import pytest
from tests.support.grafana import Reader, View, all_queries, expand, pages, settings
from tests.support.harness import query
from tests.support.questions import make_tables

from bluenova_tools.grafana.query import PLUGIN
from bluenova_tools.local import Database

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


@pytest.mark.services
def test_the_account_of_the_document_can_ask_everything_and_change_nothing(
    database: Database,
) -> None:
    make_tables(database)
    text = (ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8")
    section = text.partition("\n## Grafana\n")[2]
    (statements,) = re.findall(r"```sql\n(CREATE ROLE .*?)```", section, re.DOTALL)
    password = "a long one of your own"
    assert f"'{password}'" in statements
    query(database, statements)
    account = replace(database, user="grafana", password=password)
    try:
        with closing(account.connect()) as db:
            reader = Reader(db)
            for asked in all_queries():
                now = datetime.now(UTC)
                view = View(now - timedelta(days=1), now, settings(pages()[asked.page]))
                reader.ask(expand(asked.sql, view, asked.points))
            for change in ("", "SET TRANSACTION READ WRITE; "):
                with pytest.raises(psycopg2.Error, match=r"read-only|permission denied"):
                    reader.ask(f"{change}DELETE FROM battery_pack")
    finally:
        query(database, "DROP OWNED BY grafana; DROP ROLE grafana")
