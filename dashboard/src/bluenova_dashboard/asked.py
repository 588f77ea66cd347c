"""What addresses ask for: each parameter is read here, and refused with a reason if wrong."""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, TypeVar

from fastapi import Depends, Path, Query, Request

from bluenova_dashboard.database import TOO_MANY, Unavailable
from bluenova_dashboard.ranges import Window, choose
from bluenova_dashboard.views import Site

T = TypeVar("T")

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


class OneByOne:
    """Does what needs much memory, one thing after another; all else goes on beside it."""

    def __init__(self, patience_s: float = 60) -> None:
        self._thread = ThreadPoolExecutor(1, "one-by-one")
        self._patience_s = patience_s

    async def do(self, work: Callable[[], T]) -> T:
        """Gives what the work gives. Raises Unavailable if it is not done in time."""
        done = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            return await asyncio.wait_for(done, self._patience_s)
        except TimeoutError:
            raise Unavailable(TOO_MANY) from None


def _one_by_one(request: Request) -> OneByOne:
    turns: OneByOne = request.app.state.one_by_one
    return turns


AskedTurn = Annotated[OneByOne, Depends(_one_by_one)]
AskedSite = Annotated[Site, Depends(site_of)]
QueryBattery = Annotated[int, Depends(_query_id)]
PathBattery = Annotated[int, Depends(_path_id)]
AskedWindow = Annotated[Window, Depends(_window)]
Points = Annotated[int, Query(ge=1, le=5000, description="at most so many buckets")]
# Of each cell: a thousand points of 16 cells are as many values as 5000 of the pack.
CellPoints = Annotated[int, Query(ge=1, le=1000, description="at most so many buckets")]
By = Annotated[str, Query(pattern="^(day|month|year)$", description="day, month or year")]
Back = Annotated[int, Query(ge=0, le=1000, description="so many screens back")]
