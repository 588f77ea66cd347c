"""The collector's own figures, as they go over MQTT."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class Status(BaseModel):
    """What a collector says of itself and of one battery; counts are since `since`."""

    version: str
    since: datetime = Field(description="when the collector was started, UTC")
    interval_s: int = Field(description="seconds between two snapshots")
    last_snapshot: datetime | None = Field(description="the time of the newest snapshot")
    waiting: int = Field(description="items in the outbox that have no receipt yet")
    oldest_waiting: datetime | None = Field(description="the time of the oldest of them")
    sent_again: int = Field(description="items that went out again for want of a receipt")
    dropped: int = Field(description="items dropped because the outbox was full")
    reconnects: int = Field(description="connections to the battery after the first")
    unreadable: dict[str, int] = Field(description="unreadable lines by their prefix")
