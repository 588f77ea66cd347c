"""The files in grafana/: they are what the code says, and hold together."""

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from tests.support.grafana import DASHBOARDS, all_queries, pages, settings

from bluenova_tools.grafana.files import texts
from bluenova_tools.grafana.query import PLUGIN

ROOT = Path(__file__).parents[2]
PAGES = pages()
PANELS = [(name, panel) for name, page in PAGES.items() for panel in page["panels"]]


def test_the_committed_files_are_those_that_the_code_makes() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in DASHBOARDS.iterdir()}
    assert committed == texts(), "run: make dashboards"


def test_they_ask_nothing_but_what_the_database_answers_by_name() -> None:
    files = sorted((ROOT / "sql").glob("02*.sql"))  # the questions; the others are for them
    sql = "\n".join(path.read_text(encoding="utf-8") for path in files)
    document = (ROOT / "docs" / "database.md").read_text(encoding="utf-8")
    made = re.findall(r"CREATE OR REPLACE (?:VIEW|FUNCTION) (\w+)", sql)
    answers = {name for name in made if re.search(rf"\b{name}\b", document)}
    for asked in all_queries():
        named = set(re.findall(r"\bbattery_pack\w*", asked.sql))
        assert named <= answers, asked
        assert named or asked.kind == "limits", asked


@pytest.mark.parametrize("name", PAGES)
def test_a_page_uses_all_its_variables_and_no_others(name: str) -> None:
    page = PAGES[name]
    text = str(page)
    used = set(re.findall(r"\$\{(\w+)(?::\w+)?\}", text)) - {"__timezone", "__url_time_range"}
    assert used == set(settings(page))


def sources(part: Any) -> list[dict[str, str]]:
    """All data sources that are named anywhere in a page."""
    if isinstance(part, list):
        return [one for item in part for one in sources(item)]
    if isinstance(part, dict):
        own = [part["datasource"]] if "datasource" in part else []
        return own + [one for key, item in part.items() for one in sources(item)]
    return []


@pytest.mark.parametrize("name", PAGES)
def test_every_query_goes_to_the_chosen_data_source(name: str) -> None:
    found = sources(PAGES[name])
    assert found
    assert all(one == {"type": PLUGIN, "uid": "${datasource}"} for one in found)


@pytest.mark.parametrize("name", PAGES)
def test_no_panel_lies_on_another(name: str) -> None:
    panels = PAGES[name]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
    for one, other in combinations((panel["gridPos"] for panel in panels), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below


@pytest.mark.parametrize(
    ("page", "panel"), PANELS, ids=[f"{name} {panel['title']}" for name, panel in PANELS]
)
def test_what_a_panel_says_of_a_column_is_of_one_that_it_has(
    page: str, panel: dict[str, Any]
) -> None:
    sql = "\n".join(target["rawSql"] for target in panel["targets"])
    columns = set(re.findall(r'AS "([^"]+)"', sql)) | set(re.findall(r"AS (\w+)$", sql, re.M))
    for override in panel["fieldConfig"]["overrides"]:
        what, which = override["matcher"]["id"], override["matcher"]["options"]
        if what == "byName":
            assert which in columns
        else:
            assert what == "byRegexp"
            assert any(re.search(which.strip("/"), column) for column in columns)
    for one in panel.get("transformations", []):
        assert one["options"]["configRefId"] in {target["refId"] for target in panel["targets"]}
        if one["options"]["applyTo"]["id"] == "byName":
            assert one["options"]["applyTo"]["options"] in columns


@pytest.mark.parametrize("name", PAGES)
def test_a_page_renews_itself_and_shows_gaps(name: str) -> None:
    page = PAGES[name]
    assert page["refresh"] in {"1m", "5m", "15m"}
    gaps = [mark for mark in page["annotations"]["list"] if mark["name"] == "Gaps"]
    assert [mark["enable"] for mark in gaps] == [True]


def test_charts_have_a_legend_and_a_tooltip() -> None:
    charts = [panel for _, panel in PANELS if panel["type"] in {"timeseries", "barchart"}]
    assert charts
    for panel in charts:
        assert panel["options"]["legend"]["showLegend"] is True
        assert panel["options"]["tooltip"]["mode"] == "multi"


def test_a_deviation_is_always_on_the_same_scale() -> None:
    heat, lines = PAGES["bluenova-cells"]["panels"][:2]
    assert (heat["options"]["color"]["min"], heat["options"]["color"]["max"]) == (-30, 30)
    defaults = lines["fieldConfig"]["defaults"]
    assert (defaults["min"], defaults["max"]) == (-30, 30)
