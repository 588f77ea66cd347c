"""The data as JSON, and all rows as CSV, for those who want to build on them."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from bluenova_dashboard import models
from bluenova_dashboard.asked import (
    AskedSite,
    AskedTurn,
    AskedWindow,
    CellPoints,
    PathBattery,
    Points,
)
from bluenova_dashboard.csv_rows import lines
from bluenova_dashboard.ranges import Window, day_begin, moment_text
from bluenova_dashboard.rows import Row, json_bytes
from bluenova_dashboard.views import Site
from bluenova_dashboard.words import battery_name

router = APIRouter(prefix="/api")

Bucket = Annotated[
    str, Query(pattern="^(hour|day|week|month)$", description="hour, day, week or month")
]


def _said(rows: object, depth: int = 1) -> Response:
    return Response(json_bytes(rows, depth), media_type="application/json")


def _answers(model: Any) -> dict[int | str, dict[str, Any]]:
    return {200: {"model": model}}


@router.get("/batteries", responses=_answers(list[models.Latest]))
def batteries(site: AskedSite) -> Response:
    """The newest row of each battery, its last full charge, and its energy of today."""
    now = site.now()
    rows = site.questions.overview(now, day_begin(now, site.zone))
    return _said([{"id": battery_name(row["mcu_id"]), **row} for row in rows])


@router.get("/batteries/{mcu_id}/series", responses=_answers(list[models.Bucket]))
async def series(
    site: AskedSite,
    mcu_id: PathBattery,
    window: AskedWindow,
    turn: AskedTurn,
    points: Points = 600,
) -> Response:
    """The pack's quantities over time: the lowest, the mean and the highest in each bucket."""

    def work() -> Response:
        site.known(mcu_id)
        return _said(site.questions.series(mcu_id, window, points))

    return await turn.do(work)


@router.get("/batteries/{mcu_id}/cells", responses=_answers(list[models.CellBucket]))
async def cells(
    site: AskedSite,
    mcu_id: PathBattery,
    window: AskedWindow,
    turn: AskedTurn,
    points: CellPoints = 300,
) -> Response:
    """Each cell's voltage, temperature and deviation from the median over time."""

    def work() -> Response:
        site.known(mcu_id)
        return _said(site.questions.cell_series(mcu_id, window, points))

    return await turn.do(work)


@router.get("/batteries/{mcu_id}/gaps", responses=_answers(list[models.Gap]))
def gaps(site: AskedSite, mcu_id: PathBattery, window: AskedWindow) -> Response:
    """The times without rows, with their causes."""
    site.known(mcu_id)
    return _said(site.questions.gaps(mcu_id, window))


@router.get("/batteries/{mcu_id}/changes", responses=_answers(list[models.Change]))
def changes(site: AskedSite, mcu_id: PathBattery, window: AskedWindow) -> Response:
    """What errors, breaker and states said, and for how long."""
    site.known(mcu_id)
    return _said(site.questions.changes(mcu_id, window))


@router.get("/batteries/{mcu_id}/energy", responses=_answers(list[models.Energy]))
def energy(
    site: AskedSite, mcu_id: PathBattery, window: AskedWindow, bucket: Bucket = "day"
) -> Response:
    """Energy in and out, by the battery's totals and by power over time."""
    site.known(mcu_id)
    return _said(site.questions.energy(mcu_id, window, bucket))


@router.get("/batteries/{mcu_id}/health", responses=_answers(models.Health))
def health(site: AskedSite, mcu_id: PathBattery, window: AskedWindow) -> Response:
    """Cycles, capacity, spread and resistance in a range."""
    site.known(mcu_id)
    found = site.questions.health(mcu_id, window, [])
    del found["spread_by_month"]
    return _said(found, 2)


@router.get(
    "/batteries/{mcu_id}/rows.csv",
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
    response_class=StreamingResponse,
)
def rows_csv(site: AskedSite, mcu_id: PathBattery, window: AskedWindow) -> StreamingResponse:
    """All rows of a range as CSV, however many."""
    site.known(mcu_id)
    pieces = _pieces(site, mcu_id, window)
    # What is wrong with the database is found here, while there still can be another answer.
    first = next(pieces, [])
    name = f"{battery_name(mcu_id)}-{moment_text(window.begin)}-{moment_text(window.end)}.csv"
    return StreamingResponse(
        lines(chain([first], pieces), site.zone),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name.replace(":", "")}"'},
    )


def _pieces(site: Site, mcu_id: int, window: Window) -> Iterator[list[Row]]:
    """The rows hour by hour: few at once, and a slow reader keeps no connection to the database."""
    begin = window.begin
    # Years without rows are stepped over in one go.
    first = site.questions.first_row(mcu_id, window)
    begin = max(begin, first) if first else window.end
    while begin < window.end:
        end = min(begin + timedelta(hours=1), window.end)
        rows = site.questions.rows(mcu_id, Window(begin, end))
        yield rows
        if not rows:
            later = site.questions.first_row(mcu_id, Window(end, window.end))
            end = max(end, later) if later else window.end
        begin = end
