"""The collector's settings; bluenova_shared has those that the recorder shares."""

import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_settings import CliImplicitFlag, SettingsConfigDict

from bluenova_collector.console.connection import Address
from bluenova_shared.setting_types import Host, OptionalPath, Port, Prefix, WrongSettings
from bluenova_shared.settings import LOG_FLAGS, ServiceSettings
from bluenova_shared.topics import Topics


def _a_path(text: str) -> str:
    if not re.fullmatch(r"/[^\s#]*", text):
        raise ValueError("does not begin with a slash, or has a blank or a # in it")
    return text


class CollectorSettings(ServiceSettings):
    """Reads one BlueNova battery's console and publishes its snapshots over MQTT.

    `bluenova-collector forget MCU-ID` removes a battery that is gone from the broker, and so from
    Home Assistant. `forget collector/NAME` removes a collector whose outbox was lost.
    `bluenova-collector check` looks at battery, outbox and broker, and names what is wrong; `check
    --json` says it to programs. It changes nothing.
    """

    program = distribution = "bluenova-collector"
    model_config = SettingsConfigDict(
        cli_shortcuts={**LOG_FLAGS, "battery-host": "b", "interval": "i", "log-raw": "r"},
    )

    battery_host: Host = Field(default="10.0.0.2", description="the battery's host name or address")
    battery_port: Port = Field(default=9000, description="the port of the battery's console")
    battery_path: Annotated[str, AfterValidator(_a_path)] = Field(
        default="/ws/", description="the path of the battery's console"
    )
    interval: int = Field(
        default=10, ge=1, le=86400, description="the time between two snapshots, in seconds"
    )
    handshake_s: float = Field(
        default=10,
        gt=0,
        le=3600,
        description="the time in which the battery must accept a connection, in seconds",
    )
    silence_s: float = Field(
        default=60,
        gt=0,
        le=86400,
        description="the time in seconds after which the collector connects again if no line "
        "came, and a battery is offline if no readable line came",
    )
    stagger_s: float = Field(
        default=0,
        ge=0,
        le=86400,
        description="for thousands of batteries: the time over which their live values are spread, "
        "in seconds, less than an interval (0: all at once)",
        examples=["8"],
    )
    outbox_path: OptionalPath = Field(
        default=None,
        description="the file that keeps what must survive a restart "
        "(without it: a file in the user's state folder, named after the battery's address)",
        examples=["/data/outbox.sqlite"],
    )
    outbox_limit: int = Field(
        default=1_000_000,
        ge=1000,
        description="the largest number of snapshots in the outbox; if it is full, the oldest go",
    )
    log_raw: CliImplicitFlag[bool] = Field(
        default=False,
        description="true to log every console line as it is received, else false",
        examples=["true"],
    )

    cell_spread_alarm_v: float = Field(
        default=0.1,
        gt=0,
        le=5,
        allow_inf_nan=False,
        description="the alarm threshold for the spread of the cell voltages, in volts",
    )
    recorder: Literal["expected", "none"] = Field(
        default="expected",
        description="none to keep nothing for a recorder, if you only want live values",
        examples=["none"],
    )
    energy_unit: Literal["Wh", "kWh", "MWh"] = Field(
        default="kWh", description="the unit of the battery's two energy totals: Wh, kWh or MWh"
    )
    ha_discovery: bool = Field(
        default=True,
        description="true to announce the battery's sensors to Home Assistant, else false",
    )
    ha_prefix: Prefix = Field(
        default="homeassistant", description="Home Assistant's discovery prefix"
    )

    @field_validator("stagger_s")
    @classmethod
    def _within_an_interval(cls, value: float, info: ValidationInfo) -> float:
        if value >= info.data.get("interval", value + 1):
            raise ValueError("is not less than INTERVAL")
        return value

    def topics(self) -> Topics:
        """Returns the topics, with the root and the prefix as set."""
        return Topics(self.topic_root, self.ha_prefix)

    def address(self) -> Address:
        """Returns the address of the console."""
        return Address(self.battery_host, self.battery_port, self.battery_path)

    def outbox(self) -> Path:
        """Returns the outbox's file as set, or one in the user's state folder for this battery."""
        if self.outbox_path is not None:
            return self.outbox_path
        state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
        name = f"outbox-{self.battery_host}-{self.battery_port}.sqlite".replace(":", "_")
        try:
            return Path(state).expanduser() / "bluenova" / name
        except RuntimeError:  # an account without a home
            raise WrongSettings(
                "The outbox has no folder, as this account has no home. Set OUTBOX_PATH to a file"
            ) from None

    def other_outboxes(self) -> list[Path]:
        """Returns the files of other addresses in the user's state folder."""
        ours = self.outbox()
        found = [] if self.outbox_path is not None else ours.parent.glob("outbox-*.sqlite")
        return sorted(path for path in found if path != ours)
