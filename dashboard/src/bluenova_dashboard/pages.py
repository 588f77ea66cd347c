"""The pages for people: HTML, and what their scripts fetch."""

from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from bluenova_dashboard.asked import AskedSite, AskedTurn, AskedWindow, Back, By, QueryBattery
from bluenova_dashboard.ranges import LENGTHS, Window
from bluenova_dashboard.rendering import Templates
from bluenova_dashboard.rows import json_bytes
from bluenova_dashboard.views import Site, View
from bluenova_dashboard.words import battery_name

router = APIRouter(include_in_schema=False)

# How often a range that ends now is renewed, in seconds.
_EVERY_S = {"hour": 15, "day": 60, "week": 300, "month": 900, "year": 900}


def _templates(request: Request) -> Templates:
    templates: Templates = request.app.state.templates
    return templates


def _page(request: Request, template: str, **facts: Any) -> HTMLResponse:
    return HTMLResponse(_templates(request).render(template, **facts))


def _others(site: Site, mcu_id: int) -> list[str] | None:
    batteries = site.known(mcu_id)
    return [battery_name(one) for one in batteries] if len(batteries) > 1 else None


@router.get("/")
def overview(request: Request, site: AskedSite) -> Response:
    """The first screen."""
    return _page(request, "overview.html", view="overview", cards=site.cards())


@router.get("/cards")
def cards(request: Request, site: AskedSite) -> Response:
    """The cards of the first screen, anew."""
    return _page(request, "cards.html", cards=site.cards())


@router.get("/battery")
def battery(request: Request, site: AskedSite, mcu_id: QueryBattery, window: AskedWindow) -> Any:
    """The charts of a battery."""

    def shown(moment: datetime) -> str:
        return f"{moment.astimezone(site.zone):%a %d %b %Y %H:%M}"

    def entered(moment: datetime) -> str:
        return f"{moment.astimezone(site.zone):%Y-%m-%dT%H:%M}"

    return _page(
        request,
        "battery.html",
        view="battery",
        battery=battery_name(mcu_id),
        others=_others(site, mcu_id),
        window=window,
        names=list(LENGTHS),
        begin=shown(window.begin),
        end=shown(window.end),
        form_begin=entered(window.begin),
        form_end=entered(window.end),
        address=urlencode(window.address()),
        own=_own(window),
        earlier=_own(window.moved(-1)),
        later=_own(window.moved(1)),
        every_s=_EVERY_S.get(window.name or ""),
    )


def _own(window: Window) -> str:
    return urlencode(Window(window.begin, window.end).address())


@router.get("/battery/jump")
def jump(site: AskedSite, mcu_id: QueryBattery, to: Literal["event", "full"]) -> Response:
    """Leads to the day around the last event, or around the last full charge."""
    site.known(mcu_id)
    window = site.last_event(mcu_id) if to == "event" else site.last_full(mcu_id)
    asked = {"id": battery_name(mcu_id)} | (window.address() if window else {"range": "year"})
    # Relative, so that it is right behind a proxy's prefix, too.
    return RedirectResponse(f"../battery?{urlencode(asked)}", 303)


@router.get("/energy")
def energy(
    request: Request, site: AskedSite, mcu_id: QueryBattery, by: By = "day", back: Back = 0
) -> Response:
    """The energy of a battery."""
    others = _others(site, mcu_id)
    name = battery_name(mcu_id)
    return _page(
        request, "energy.html", view="energy", battery=name, others=others, by=by, back=back
    )


@router.get("/health")
def health(request: Request, site: AskedSite, mcu_id: QueryBattery) -> Response:
    """The health of a battery."""
    others = _others(site, mcu_id)
    return _page(request, "health.html", view="health", battery=battery_name(mcu_id), others=others)


def _view(request: Request, view: View) -> Response:
    said = {"figures": view.figures, "html": _templates(request).parts(view)}
    return Response(json_bytes(said, 4), media_type="application/json")


@router.get("/view/battery")
async def battery_view(
    request: Request, site: AskedSite, mcu_id: QueryBattery, window: AskedWindow, turn: AskedTurn
) -> Response:
    """The figures and tables of the charts' page."""

    def work() -> Response:
        site.known(mcu_id)
        return _view(request, site.battery(mcu_id, window))

    return await turn.do(work)


@router.get("/view/energy")
def energy_view(
    request: Request, site: AskedSite, mcu_id: QueryBattery, by: By = "day", back: Back = 0
) -> Response:
    """The figure and table of the energy's page."""
    site.known(mcu_id)
    return _view(request, site.energy(mcu_id, by, back))


@router.get("/view/health")
def health_view(request: Request, site: AskedSite, mcu_id: QueryBattery) -> Response:
    """The figures and tables of the health's page."""
    site.known(mcu_id)
    return _view(request, site.health(mcu_id))
