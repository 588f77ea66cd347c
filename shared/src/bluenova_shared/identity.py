"""Which battery, which interval, which item: the types that name a snapshot. Pure."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.0+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _rfc_3339(time: object) -> object:
    """Reads a text as a time; pydantic alone would also take a number of seconds in quotes."""
    if not isinstance(time, str):
        return time
    if not _RFC_3339.fullmatch(time):
        raise ValueError("not a time of RFC 3339 in whole seconds, with its zone")
    return datetime.fromisoformat(time)


def _interval_end(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise ValueError("a time without its zone")
    if not EARLIEST <= time < LATEST:
        raise ValueError("not between 2020 and 2100")
    if time.microsecond:
        raise ValueError("not a whole second")
    return time.astimezone(UTC)


def _an_mcu_id(text: str) -> str:
    if int(text, 16) in (0, 0xFFFFFFFF):
        raise ValueError("neither 00000000 nor FFFFFFFF is an MCU ID")
    return text


Time = Annotated[datetime, BeforeValidator(_rfc_3339), AfterValidator(_interval_end)]
ItemId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
McuId = Annotated[str, Field(pattern=r"^[0-9A-F]{8}$"), AfterValidator(_an_mcu_id)]
