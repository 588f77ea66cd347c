"""The recorder's settings; bluenova_shared has those that the collector shares."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from bluenova_recorder.account import Account
from bluenova_recorder.batch import QUIET_S
from bluenova_shared.database_settings import DatabaseSettings
from bluenova_shared.settings import LOG_FLAGS, ServiceSettings
from bluenova_shared.wire import MOST_ROWS_WAIT_S


def _a_group(group: SecretStr) -> SecretStr:
    name = group.get_secret_value()
    if not name or set(name) & set("+#/"):
        raise ValueError("cannot be the name of a group")
    return group


class RecorderSettings(DatabaseSettings, ServiceSettings):
    """Stores the snapshots of all batteries in PostgreSQL.

    `bluenova-recorder redrive` tries again to store what was rejected, after a fix.
    `bluenova-recorder rollup --rebuild` computes battery_pack_hours anew from all rows.
    `bluenova-recorder check` looks at broker and database, and names what is wrong; `check --json`
    says it to programs. It changes nothing.

    libpq's own variables (PGHOST, PGPORT, PGPASSFILE, PGSSLMODE ...) say where the database is.
    """

    program = distribution = "bluenova-recorder"
    model_config = SettingsConfigDict(
        cli_shortcuts={**LOG_FLAGS, "pgdatabase": "d", "pguser": "u"},
    )

    share_group: Annotated[SecretStr, AfterValidator(_a_group)] = Field(
        default=SecretStr("bluenova-recorders"),
        description="the name of the group in which recorders share the work; if strangers may "
        "subscribe, keep it secret in a file and set SHARE_GROUP_FILE to that file",
        examples=["bluenova-recorders"],
    )
    batch_rows: int = Field(
        default=500, ge=1, le=10_000, description="the number of rows at which a batch is written"
    )
    batch_age_s: float = Field(
        default=1.0,
        ge=0,
        le=MOST_ROWS_WAIT_S,
        description="the age in seconds at which a batch is written at the latest",
    )
    batch_quiet_s: float = Field(
        default=QUIET_S,
        ge=0,
        le=MOST_ROWS_WAIT_S,
        description="the seconds without a new row after which a batch is written, whatever its "
        "age; with both at 60 rows come up to a minute late and PostgreSQL writes much less",
    )
    keep_raw_days: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="the number of days after which rows are removed from battery_pack; their "
        "hours stay in battery_pack_hours (empty: rows are never removed)",
        examples=["730"],
    )

    @field_validator("keep_raw_days", mode="before")
    @classmethod
    def _none_if_empty(cls, value: object) -> object:
        return None if value == "" else value

    def contradictions(self) -> list[str]:
        """Returns what is set but has no effect, needs another setting, or would be quoted."""
        return super().contradictions() + self.quoted()

    def account(self) -> Account:
        """Returns the account in the database; libpq's own variables give what is not set here."""
        password = self.pgpassword
        return Account(
            self.pgdatabase, self.pguser, password.get_secret_value() if password else None
        )
