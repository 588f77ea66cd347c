"""The collector's own figures, as it publishes them. Pure."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, computed_field

from bluenova_shared.quantity import Sensor

_UNREADABLE = Sensor(
    "Unreadable lines", precision=0, icon="mdi:text-box-remove", total=True, diagnostic=True
)


class Status(BaseModel):
    """The figures of a collector and one battery; it has counted since `since`."""

    version: str = Field(description="the collector's version")
    since: Annotated[
        datetime,
        Sensor("Collector started", device_class="timestamp", diagnostic=True, enabled=False),
        Field(description="when the collector started, UTC"),
    ]
    interval_s: int = Field(description="seconds between two snapshots")
    last_snapshot: Annotated[
        datetime | None,
        # Not enabled: each new time would be a line in Home Assistant's logbook.
        Sensor("Last snapshot", device_class="timestamp", diagnostic=True, enabled=False),
        Field(description="the time of the newest snapshot"),
    ]
    waiting: Annotated[
        int,
        Sensor("Waiting for the recorder", precision=0, icon="mdi:tray-full", diagnostic=True),
        Field(description="items in the outbox that have no receipt yet"),
    ]
    oldest_waiting: Annotated[
        datetime | None,
        Sensor("Oldest waiting", device_class="timestamp", diagnostic=True, enabled=False),
        Field(description="the time of the oldest of them"),
    ]
    sent_again: Annotated[
        int,
        Sensor(
            "Sent again",
            precision=0,
            icon="mdi:repeat",
            total=True,
            diagnostic=True,
            enabled=False,
        ),
        Field(description="items sent again because no receipt came"),
    ]
    dropped: Annotated[
        int,
        Sensor("Dropped", precision=0, icon="mdi:tray-remove", total=True, diagnostic=True),
        Field(description="items dropped because the outbox was full"),
    ]
    reconnects: Annotated[
        int,
        Sensor("Reconnects", precision=0, icon="mdi:connection", total=True, diagnostic=True),
        Field(description="connections to the battery after the first"),
    ]
    unreadable: dict[str, int] = Field(description="number of unreadable lines, by prefix")

    @computed_field(description="number of unreadable lines")  # type: ignore[prop-decorator]  # pydantic's own way
    @property
    def unreadable_lines(self) -> Annotated[int, _UNREADABLE]:
        """The sum of `unreadable`."""
        return sum(self.unreadable.values())
