"""The settings of the page and of the report; bluenova_shared has those that others share."""

from datetime import tzinfo
from ipaddress import ip_address
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from bluenova_dashboard.database import Account
from bluenova_shared.database_settings import DatabaseSettings
from bluenova_shared.setting_types import Host, OptionalPath, OptionalSecret, OptionalText, Port
from bluenova_shared.settings import LOG_FLAGS, PlainSettings
from bluenova_shared.wire import MOST_ROWS_WAIT_S


def _a_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("is not the name of a time zone") from None
    return name


def _a_path(prefix: str) -> str:
    path = "/" + prefix.strip("/")
    if set(path) & set("?#\\ \"'<>") or ".." in path:
        raise ValueError("is not a path")
    return path.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class _SiteSettings(DatabaseSettings, PlainSettings):
    distribution = "bluenova-dashboard"

    tz: Annotated[str, AfterValidator(_a_zone)] = Field(
        default="UTC",
        description="the time zone of the site, in which days begin and times are shown",
        examples=["Europe/Berlin"],
    )

    def contradictions(self) -> list[str]:
        """Returns what contradicts each other, or would be quoted."""
        return super().contradictions() + self.quoted()

    def account(self) -> Account:
        """Returns the account in the database."""
        password = self.pgpassword
        return Account(
            self.pgdatabase, self.pguser, password.get_secret_value() if password else None
        )

    def zone(self) -> tzinfo:
        """Returns the site's zone."""
        return ZoneInfo(self.tz)


class DashboardSettings(_SiteSettings):
    """Serves a page with what the batteries do, on http://127.0.0.1:8080/.

    libpq's own variables (PGHOST, PGPORT, PGPASSFILE, PGSSLMODE ...) say where the database is.
    """

    program = "bluenova-dashboard"
    model_config = SettingsConfigDict(
        cli_shortcuts={**LOG_FLAGS, "pgdatabase": "d", "pguser": "u"},
    )

    dashboard_bind: Host = Field(
        default="127.0.0.1", description="the address on which the page listens"
    )
    dashboard_port: Port = Field(default=8080, description="the port on which the page listens")
    dashboard_published: OptionalText = Field(
        default=None,
        description="the address at which others reach it, if it listens in a container "
        "(without it: DASHBOARD_BIND)",
        examples=["127.0.0.1"],
    )
    dashboard_password: OptionalSecret = Field(
        default=None,
        description="the password of the page, or set DASHBOARD_PASSWORD_FILE to a file with it; "
        "it is asked for if others than this machine can reach the page",
        examples=["..."],
    )
    dashboard_prefix: Annotated[str, AfterValidator(_a_path)] = Field(
        default="",
        description="the path under which a reverse proxy has the page, if it passes it on",
        examples=["/battery"],
    )
    batch_age_s: float = Field(
        default=1.0,
        ge=0,
        le=MOST_ROWS_WAIT_S,
        description="the recorder's BATCH_AGE_S: a battery counts as silent so much later",
    )
    health_file: OptionalPath = Field(
        default=None,
        description="the file in which the service notes its health, for a container's check",
        examples=["/tmp/health.json"],  # noqa: S108  # an example, and in a container a folder of ours
    )

    def is_private(self) -> bool:
        """Tells whether only this machine reaches the page."""
        return _is_loopback(self.dashboard_published or self.dashboard_bind)

    def asked_password(self) -> SecretStr | None:
        """Returns the password that the page asks for, if it asks for one."""
        return None if self.is_private() else self.dashboard_password

    def contradictions(self) -> list[str]:
        """Returns what contradicts each other, or would be quoted."""
        problems = super().contradictions()
        password = self.dashboard_password
        if not self.is_private() and not (password and password.get_secret_value()):
            problems.append(
                "DASHBOARD_PASSWORD is empty, but others can reach the page. Set "
                "DASHBOARD_PASSWORD_FILE to a file with a password, or DASHBOARD_BIND to 127.0.0.1."
            )
        return problems


class ReportSettings(_SiteSettings):
    """Writes what a battery did as one HTML file that needs nothing else, to keep or to send.

    libpq's own variables (PGHOST, PGPORT, PGPASSFILE, PGSSLMODE ...) say where the database is.
    """

    program = "bluenova-report"
    model_config = SettingsConfigDict(
        cli_shortcuts={
            **LOG_FLAGS,
            "pgdatabase": "d",
            "pguser": "u",
            "battery": "b",
            "range": "r",
            "output": "o",
        },
    )

    battery: OptionalText = Field(
        default=None,
        description="the battery's MCU ID (without it: the only battery there is)",
        examples=["1A2B3C4D"],
    )
    range: Literal["hour", "day", "week", "month", "year"] = Field(
        default="week", description="how far back from now: hour, day, week, month or year"
    )
    begin: OptionalText = Field(
        default=None,
        description="where an own range begins, in the site's zone",
        examples=["2026-11-01T00:00"],
    )
    end: OptionalText = Field(
        default=None,
        description="where an own range ends, in the site's zone",
        examples=["2026-11-08T00:00"],
    )
    output: OptionalPath = Field(
        default=None,
        description="the file to write (without it: standard output)",
        examples=["report.html"],
    )
