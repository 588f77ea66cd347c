"""The page's settings."""

import pytest

from bluenova_dashboard.settings import DashboardSettings
from bluenova_shared.setting_types import WrongSettings


def test_it_listens_on_this_machine_alone_and_asks_for_no_password() -> None:
    settings = DashboardSettings.load([])
    assert (settings.dashboard_bind, settings.dashboard_port) == ("127.0.0.1", 8080)
    assert settings.asked_password() is None


@pytest.mark.parametrize("where", ["--dashboard-bind=0.0.0.0", "--dashboard-published=192.0.2.1"])
def test_who_lets_others_in_needs_a_password(where: str) -> None:
    with pytest.raises(WrongSettings, match="DASHBOARD_PASSWORD is empty, but others can reach"):
        DashboardSettings.load([where])
    password = DashboardSettings.load([where, "--dashboard-password=open"]).asked_password()
    assert password is not None
    assert password.get_secret_value() == "open"


def test_a_container_that_only_this_machine_reaches_asks_for_none() -> None:
    asked = ["--dashboard-bind=0.0.0.0", "--dashboard-published=127.0.0.1"]
    settings = DashboardSettings.load([*asked, "--dashboard-password=open"])
    assert settings.asked_password() is None


@pytest.mark.parametrize(
    ("flag", "why"),
    [
        ("--tz=Middle/Earth", "TZ is 'Middle/Earth': is not the name of a time zone"),
        ("--tz=../../etc/passwd", "is not the name of a time zone"),
        ("--dashboard-prefix=/a?b", "is not a path"),
        ("--dashboard-port=0", "DASHBOARD_PORT"),
        ("--pgdatabase=postgresql://x", "is a connection string"),
    ],
)
def test_what_cannot_be_is_refused(flag: str, why: str) -> None:
    with pytest.raises(WrongSettings, match=why):
        DashboardSettings.load([flag])
