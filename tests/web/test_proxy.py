"""The page behind a real reverse proxy, below a path, with its password."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, expect
from tests.support.nginx import find_nginx, nginx
from tests.support.page import ID, serving
from tests.web.looks import drawn

from bluenova_tools.local import Database

pytestmark = pytest.mark.services

Visit = Callable[..., Page]
LOGIN = {"username": "anybody", "password": "o:pen ä"}


@pytest.mark.parametrize("is_passed_on", [True, False], ids=["path passed on", "path taken off"])
def test_all_of_it_works_below_a_path(
    visit: Visit, history: Database, tmp_path: Path, is_passed_on: bool
) -> None:
    program = find_nginx()
    if program is None:
        pytest.skip("nginx was not found: apt-get install nginx-light")
    settings = {"DASHBOARD_PUBLISHED": "192.0.2.1", "DASHBOARD_PASSWORD": LOGIN["password"]}
    if is_passed_on:
        settings["DASHBOARD_PREFIX"] = "/bat"
    with serving(history, tmp_path / "page", **settings) as served:
        target = served.address if is_passed_on else f"{served.address}/"
        with nginx(program, tmp_path / "nginx", target) as address:
            with pytest.raises(HTTPError, match="401"):
                urlopen(f"{address}/")  # noqa: S310  # of the proxy above
            page = visit("/", at=address, http_credentials=LOGIN)
            expect(page.locator(".card")).to_have_count(2)
            page.get_by_role("link", name=ID).click()
            drawn(page)
            assert page.url.startswith(f"{address}/battery?id={ID}")
            page.get_by_role("link", name="Last event").click()
            page.wait_for_url(re.compile(re.escape(address) + "/battery.*from="))
            drawn(page)
            with page.expect_download() as download:
                page.get_by_role("link", name="CSV").click()
            file = tmp_path / "rows.csv"
            download.value.save_as(file)
            assert len(file.read_text().splitlines()) > 1000
            for name in ("Energy", "Health", "Batteries"):
                page.get_by_role("link", name=name, exact=True).click()
                page.wait_for_load_state()
                assert page.url.startswith(f"{address}/")
            # The cards renew themselves, and what is not there leads back to what is.
            with page.expect_response(re.compile(r"/bat/cards$")) as renewed:
                pass
            assert renewed.value.status == 200
            lost = visit("/nothing/here", at=address, http_credentials=LOGIN, may_say="404")
            lost.get_by_role("link", name="All batteries").click()
            expect(lost.locator(".card")).to_have_count(2)
            assert lost.url == f"{address}/"
            for one in (page, lost):
                one.close()  # before the proxy goes: it would ask for its cards in vain
