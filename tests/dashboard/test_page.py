"""The page against a real database: what it shows, and what it refuses."""

import base64
import csv
import io
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.support.harness import eventually, memory_mb, query
from tests.support.page import ID, Page, serving
from tests.support.questions import make_tables

from bluenova_dashboard import models
from bluenova_dashboard.database import Database as AskedDatabase
from bluenova_dashboard.database import Unavailable
from bluenova_dashboard.questions import Questions
from bluenova_dashboard.ranges import Window
from bluenova_tools.local import Database, Postgres

pytestmark = pytest.mark.services

OTHER = "1A2B3C02"
VIEWS = [
    *("/", "/cards", f"/battery?id={ID}", f"/energy?id={ID}", f"/health?id={ID}"),
    *(f"/view/battery?id={ID}&range={name}" for name in ("hour", "day", "week", "month", "year")),
    *(f"/view/energy?id={ID}&by={by}" for by in ("day", "month", "year")),
    f"/view/health?id={ID}",
]


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_is_there(page: Page, view: str) -> None:
    answer = page.page(view)
    assert answer.status == 200, answer.text[:300]
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert not re.search(r"https?://(?!www\.w3\.org)", answer.text)


def test_the_first_screen_has_a_card_for_each_battery(page: Page) -> None:
    names = re.findall(r'aria-label="Battery (\w+)"', page.page("/").text)
    assert names == [ID, OTHER]


def test_the_charts_have_all_cells_and_the_gaps(page: Page, history: Database) -> None:
    said = page.get(f"/view/battery?id={ID}&range=week").json
    (heat,) = [one for one in said["figures"]["charts"]["data"] if one["type"] == "heatmap"]
    assert len(heat["y"]) == 16
    gaps = query(history, "SELECT count(*) FROM battery_pack_gaps WHERE mcu_id = %s", int(ID, 16))[
        0
    ][0]
    assert gaps
    assert len(re.findall("collector|battery lost|unexplained", said["html"])) >= gaps


def test_a_jump_leads_to_the_day_around_the_last_full_charge(page: Page, history: Database) -> None:
    answer = page.page(f"/battery/jump?id={ID}&to=full")
    assert answer.status == 303
    full = query(history, "SELECT full_time FROM battery_pack_last_full(%s)", int(ID, 16))[0][0]
    begin = f"{full - timedelta(hours=12):%Y-%m-%dT%H:%M}"
    assert begin in answer.headers["location"].replace("%3A", ":")
    assert page.page("/" + answer.headers["location"].removeprefix("../")).status == 200


def test_the_json_is_what_its_description_says(page: Page) -> None:
    described = page.get("/api/openapi.json").json["paths"]
    assert len(described) == 8
    base = f"/api/batteries/{ID}"
    for path, model in [
        ("/api/batteries", models.Latest),
        (f"{base}/series?range=day", models.Bucket),
        (f"{base}/series?range=week", models.Bucket),  # which has empty ones
        (f"{base}/cells?range=day&points=20", models.CellBucket),
        (f"{base}/gaps?range=week", models.Gap),
        (f"{base}/changes?range=day", models.Change),
        (f"{base}/energy?range=week", models.Energy),
    ]:
        rows = page.get(path).json
        assert rows
        for row in rows:
            assert set(row) == set(model.model_fields)
            model.model_validate(row)
    models.Health.model_validate(page.get(f"{base}/health?range=week").json)


def test_the_csv_has_each_row_once(page: Page, history: Database) -> None:
    end = datetime.now(UTC) - timedelta(minutes=1)
    begin = end - timedelta(days=2)
    span = f"from={begin:%Y-%m-%dT%H:%M:%SZ}&to={end:%Y-%m-%dT%H:%M:%SZ}"
    answer = page.get(f"/api/batteries/{ID}/rows.csv?{span}")
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    (count,) = query(
        history,
        "SELECT count(*) FROM battery_pack WHERE mcu_id = %s AND insert_time_utc >= %s"
        " AND insert_time_utc < %s",
        *(int(ID, 16), begin.replace(tzinfo=None, microsecond=0)),
        end.replace(tzinfo=None, microsecond=0),
    )[0]
    assert len({line["time_utc"] for line in lines}) == len(lines) == count > 5000
    assert re.fullmatch(r"\d+\.\d+", lines[0]["cell_16_v"])


def test_scripts_may_be_kept_for_a_year_and_come_compressed(page: Page) -> None:
    address = re.search(r"static/plotly[^\"]+", page.page(f"/battery?id={ID}").text)
    assert address
    answer = page.get("/" + address[0], accept_encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert "max-age=31536000" in answer.headers["cache-control"]
    assert len(answer.body) < 2_000_000
    assert b"plotly.js" in page.get("/" + address[0]).body[:200]


HOSTILE = [
    f"/battery?id={ID}&range=century",
    f"/battery?id={ID}&from=2026-02-01&to=2026-01-01",
    f"/battery?id={ID}&from=0000&to=9999",
    "/battery?id=1%27%3B+DROP+TABLE+battery_pack",
    "/battery?id=" + "A" * 5000,
    "/battery",
    f"/battery?id={ID}&from=%00",
    f"/energy?id={ID}&by=second",
    f"/energy?id={ID}&back=-1",
    f"/energy?id={ID}&back=99999999999999999999",
    f"/api/batteries/{ID}/series?points=1000000",
    f"/api/batteries/{ID}/cells?points=0",
    f"/api/batteries/{ID}/energy?bucket=%27",
    "/api/batteries/nonsense/series",
    f"/battery/jump?id={ID}&to=moon",
]


@pytest.mark.parametrize("path", HOSTILE)
def test_what_cannot_be_asked_is_refused_in_a_clear_sentence(page: Page, path: str) -> None:
    answer = page.get(path)
    assert answer.status == 400
    assert answer.json["detail"].endswith(".")
    shown = page.page(path)
    assert shown.status == 400
    assert "<h1>That cannot be shown</h1>" in shown.text


@pytest.mark.parametrize(
    "path",
    ["/battery?id=DEADBEEF", "/view/battery?id=DEADBEEF", "/api/batteries/DEADBEEF/rows.csv",
     "/health?id=7FFFFFFFFFFFFFF", "/nothing", "/static/../settings.py", "/static/nothing"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(page: Page, path: str) -> None:
    assert page.page(path).status == 404


def test_nothing_can_be_written(page: Page) -> None:
    assert page.get("/", method="POST").status == 405
    assert page.get(f"/battery?id={ID}", method="DELETE").status == 405


def test_a_flood_of_headers_is_refused_and_the_page_goes_on(page: Page) -> None:
    flood = {f"x_{n}": "y" * 100 for n in range(90)}
    assert page.get("/", **flood, x_more="z" * 20_000).status == 431
    assert page.page("/").status == 200


def test_text_of_the_battery_is_text_in_the_page(database: Database, tmp_path: Path) -> None:
    make_tables(database)
    evil = "<script>alert(1)</script>"
    query(
        database,
        "INSERT INTO battery_pack (mcu_id, insert_time_utc, soc, errors, system_state)"
        " SELECT 7, (now() AT TIME ZONE 'UTC')::timestamp(0) - n * INTERVAL '10 s', 50, %s, %s"
        " FROM generate_series(1, 5) AS n",
        *(evil, evil),
    )
    with serving(database, tmp_path / "page") as page:
        assert "&lt;script&gt;alert(1)" in page.page("/").text
        assert evil not in page.page("/").text
        assert evil not in page.get("/view/battery?id=7&range=hour").json["html"]


class TestPassword:
    def test_is_asked_for_if_others_reach_the_page(self, history: Database, tmp_path: Path) -> None:
        settings = {"DASHBOARD_PUBLISHED": "192.0.2.1", "DASHBOARD_PASSWORD": "o:pen ä"}
        with serving(history, tmp_path / "page", **settings) as page:
            for path in ("/", "/cards", "/static/style.css", "/api/batteries", "/nothing"):
                assert page.get(path).status == 401
            assert page.get("/", authorization="Basic !").status == 401
            assert page.get("/", authorization="Basic bWU6d3Jvbmc=").status == 401
            right = base64.b64encode("me:o:pen ä".encode()).decode()
            assert page.get("/", authorization=f"Basic {right}").status == 200


@pytest.mark.parametrize("path", ["/bat/", "/"])
def test_a_proxys_prefix_may_be_passed_on_or_not(
    history: Database, tmp_path: Path, path: str
) -> None:
    with serving(history, tmp_path / "page", DASHBOARD_PREFIX="/bat") as page:
        assert page.page(path).status == 200
        assert page.page(f"{path}battery?id={ID}").status == 200


class TestTheDatabase:
    def test_is_empty(self, database: Database, tmp_path: Path) -> None:
        make_tables(database)
        with serving(database, tmp_path / "page") as page:
            assert "No battery has sent a row yet" in page.page("/").text

    def test_has_not_got_the_functions(self, database: Database, tmp_path: Path) -> None:
        with serving(database, tmp_path / "page") as page:
            answer = page.page("/")
            assert answer.status == 503
            assert "Start the recorder of the same version once" in answer.text

    def test_goes_away_and_comes_back(self, tmp_path: Path) -> None:
        with Postgres(fast=True) as server:
            database = server.create_database("homeauto")
            make_tables(database)
            with serving(database, tmp_path / "page") as page:
                assert page.page("/").status == 200
                server.kill()
                answer = page.page("/")
                assert answer.status == 503
                assert "The database does not answer" in answer.text
                assert 'http-equiv="refresh"' in answer.text
                server.start()
                eventually(lambda: page.page("/").status == 200)

    def test_is_slow(self, database: Database) -> None:
        make_tables(database)
        query(
            database,
            "CREATE OR REPLACE FUNCTION battery_pack_gaps_between("
            " of_mcu_id BIGINT, from_time TIMESTAMPTZ, to_time TIMESTAMPTZ) RETURNS TABLE ("
            " mcu_id BIGINT, gap_from TIMESTAMP, gap_to TIMESTAMP, gap INTERVAL, cause TEXT)"
            " LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); END'",
        )
        asked = AskedDatabase(database.connect, timeout_s=0.5)
        now = datetime.now(UTC)
        with pytest.raises(Unavailable, match=r"did not answer within 0\.5 s"):
            Questions(asked, "UTC").gaps(7, Window(now - timedelta(days=1), now))
        # The connection is good for the next question.
        assert Questions(asked, "UTC").batteries() == []
        asked.close()


# What browsers ask for; 50 of them at once need the most memory.
SEEN = ["/", "/cards", f"/view/battery?id={ID}&range=day", f"/view/energy?id={ID}"]


def test_fifty_look_at_once_in_little_memory_that_stays_flat(page: Page) -> None:
    def ask(times: int, at_once: int) -> float:
        with ThreadPoolExecutor(at_once) as many:
            paths = (SEEN * times)[:times]
            answers = list(many.map(lambda path: page.get(path, accept_encoding="gzip"), paths))
        assert {answer.status for answer in answers} == {200}
        return memory_mb(page.service.child.pid)

    most = ask(50, 50)
    # What came before in this file has asked for hostile things, too; it must have left nothing.
    assert most < 75
    assert ask(60, 8) < most + 3
