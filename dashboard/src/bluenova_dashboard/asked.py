"""What addresses ask for: each parameter is read here, and refused with a reason if wrong."""

import re
from typing import Annotated

from fastapi import Depends, Path, Query, Request

from bluenova_dashboard.ranges import Window, choose
from bluenova_dashboard.views import Site

_ID = re.compile(r"[0-9A-Fa-f]{1,15}")


class BadRequest(ValueError):  # noqa: N818  # reads better than BadRequestError where it is caught
    """What is wrong with a request, fit to be shown to the user."""


def site_of(request: Request) -> Site:
    """The site that the application serves."""
    site: Site = request.app.state.site
    return site


def read_mcu_id(text: str) -> int:
    """A battery's number. Raises BadRequest."""
    if not _ID.fullmatch(text):
        raise BadRequest("A battery's id is its MCU ID, for example 1A2B3C4D.")
    return int(text, 16)


_ID_TEXT = "the battery's MCU ID, hexadecimal"
_RANGE_TEXT = "hour, day, week, month or year: that long, until now"
_FROM_TEXT = "where the range begins, for example 2026-11-01T00:00Z; without an offset, in the zone"
_TO_TEXT = "where the range ends; now, if it is not said"


def _query_id(
    mcu_id: Annotated[str, Query(alias="id", max_length=40, description=_ID_TEXT)],
) -> int:
    return read_mcu_id(mcu_id)


def _path_id(mcu_id: Annotated[str, Path(max_length=40, description=_ID_TEXT)]) -> int:
    return read_mcu_id(mcu_id)


def _window(
    request: Request,
    name: Annotated[
        str | None, Query(alias="range", max_length=10, description=_RANGE_TEXT)
    ] = None,
    begin: Annotated[str | None, Query(alias="from", max_length=40, description=_FROM_TEXT)] = None,
    end: Annotated[str | None, Query(alias="to", max_length=40, description=_TO_TEXT)] = None,
) -> Window:
    site = site_of(request)
    return choose(site.now(), site.zone, name, begin, end)


AskedSite = Annotated[Site, Depends(site_of)]
QueryBattery = Annotated[int, Depends(_query_id)]
PathBattery = Annotated[int, Depends(_path_id)]
AskedWindow = Annotated[Window, Depends(_window)]
Points = Annotated[int, Query(ge=1, le=5000, description="at most so many buckets")]
By = Annotated[str, Query(pattern="^(day|month|year)$", description="day, month or year")]
Back = Annotated[int, Query(ge=0, le=1000, description="so many screens back")]
