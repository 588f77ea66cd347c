"""The application: its routes, what it answers when something is wrong, and its files."""

from collections.abc import Mapping
from importlib.metadata import version

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException

from bluenova_dashboard import api, pages
from bluenova_dashboard.asked import BadRequest, OneByOne
from bluenova_dashboard.database import Unavailable
from bluenova_dashboard.guard import Guard
from bluenova_dashboard.ranges import BadRange
from bluenova_dashboard.rendering import Asset, Templates, assets
from bluenova_dashboard.views import NoSuchBattery, Site

AGAIN_S = 5
_A_YEAR = "public, max-age=31536000, immutable"


def create_app(site: Site, *, password: str | None = None, prefix: str = "") -> FastAPI:
    """The application, for this site; it asks for the password if there is one."""
    app = FastAPI(
        title="BlueNova batteries",
        version=version("bluenova-dashboard"),
        root_path=prefix,
        docs_url=None,  # its scripts would come from another host
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    files = assets()
    app.state.site = site
    app.state.one_by_one = OneByOne()
    app.state.templates = Templates(site.zone, files)
    app.include_router(pages.router)
    app.include_router(api.router)
    _serve_files(app, files)
    _explain_errors(app)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=4)
    app.add_middleware(Guard, password=password)
    return app


def _serve_files(app: FastAPI, files: Mapping[str, Asset]) -> None:
    @app.get("/static/{name}", include_in_schema=False)
    async def static(request: Request, name: str) -> Response:
        asset = files.get(name)
        if asset is None:
            raise HTTPException(404, "There is no such file.")
        # Its address has a mark that changes with it.
        headers = {"cache-control": _A_YEAR, "vary": "accept-encoding"}
        packed = asset.is_gzip and "gzip" in request.headers.get("accept-encoding", "")
        if packed:
            headers["content-encoding"] = "gzip"
        return StreamingResponse(
            asset.pieces(packed=packed), media_type=asset.kind, headers=headers
        )


def _explain_errors(app: FastAPI) -> None:
    @app.exception_handler(Unavailable)
    def unavailable(request: Request, reason: Unavailable) -> Response:
        return _trouble(request, 503, "No answer from the database", str(reason), AGAIN_S)

    @app.exception_handler(NoSuchBattery)
    def no_such_battery(request: Request, name: NoSuchBattery) -> Response:
        return _trouble(request, 404, "No such battery", f"There is no row of a battery {name}.")

    @app.exception_handler(BadRange)
    @app.exception_handler(BadRequest)
    def bad(request: Request, reason: ValueError) -> Response:
        return _trouble(request, 400, "That cannot be shown", str(reason))

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        names = sorted({str(one["loc"][-1]) for one in error.errors()})
        text = "Missing or not possible in the address: " + ", ".join(names) + "."
        return _trouble(request, 400, "That cannot be shown", text)

    @app.exception_handler(HTTPException)
    def other(request: Request, error: HTTPException) -> Response:
        heading = "There is no such page" if error.status_code == 404 else "That is not possible"
        return _trouble(request, error.status_code, heading, str(error.detail))


def _trouble(
    request: Request, status: int, heading: str, text: str, again_s: int | None = None
) -> Response:
    """What is wrong: as a page for people, who wait at it, or as JSON for programs."""
    headers = {"retry-after": str(again_s)} if again_s else None
    if "text/html" not in request.headers.get("accept", "") or request.url.path.endswith("/cards"):
        return JSONResponse({"detail": text}, status, headers)
    # Relative: a proxy may have put a prefix before the path.
    depth = request.scope["path"].removeprefix(request.scope.get("root_path", "")).count("/") - 1
    text_of_page = request.app.state.templates.render(
        "trouble.html", heading=heading, text=text, again_s=again_s, home="../" * depth or "./"
    )
    return HTMLResponse(text_of_page, status, headers)
