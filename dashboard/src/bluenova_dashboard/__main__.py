"""`bluenova-dashboard`: reads the settings, chooses the clock, and wires the parts."""

import asyncio
import contextlib
import ctypes
import logging
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import uvicorn
from anyio import to_thread
from fastapi import FastAPI

from bluenova_dashboard.app import create_app
from bluenova_dashboard.database import Database, Unavailable
from bluenova_dashboard.questions import Questions
from bluenova_dashboard.settings import DashboardSettings
from bluenova_dashboard.views import Site
from bluenova_shared import service
from bluenova_shared.logs import Change
from bluenova_shared.service import CannotRun

log = logging.getLogger("bluenova_dashboard")

CHECK_EVERY_S = 5.0
# Requests that are worked on at the same time, beside the one that needs much memory.
THREADS = 2
_M_ARENA_MAX = -8  # of glibc's malloc.h
# Connections that are served at the same time; more get a "503 Service Unavailable".
CONNECTIONS = 300


class _Server(uvicorn.Server):
    """Uvicorn, which leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield


class Watch:
    """Asks the database now and then, and knows since when it has not answered."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self.away_since_s: float | None = time.monotonic()
        self._trouble = Change()

    async def run(self) -> None:
        """Asks until cancelled; says once what is wrong, and once that it is over."""
        while True:
            try:
                await to_thread.run_sync(self._questions.batteries)
                if self.away_since_s is not None:
                    log.info("The database answers")
                self.away_since_s = None
                self._trouble.to("")
            except Unavailable as reason:
                self.away_since_s = self.away_since_s or time.monotonic()
                if self._trouble.to(str(reason)):
                    log.warning("%s Trying again every %g s", reason, CHECK_EVERY_S)
            await asyncio.sleep(CHECK_EVERY_S)


def _server(app: FastAPI, settings: DashboardSettings) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            host=settings.dashboard_bind,
            port=settings.dashboard_port,
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=10,
            timeout_graceful_shutdown=3,
            h11_max_incomplete_event_size=16_384,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
        )
    )


def _share_one_heap() -> None:
    """Has all threads share one heap: glibc gives each its own, which stays as large as ever."""
    with contextlib.suppress(OSError, AttributeError):  # another C library may not know it
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


async def serve(arguments: list[str]) -> None:
    """Serves the page until SIGTERM. Raises CannotRun."""
    settings = DashboardSettings.load(arguments)
    settings.set_up_logging()
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    _share_one_heap()
    to_thread.current_default_thread_limiter().total_tokens = THREADS
    database = Database(settings.account().connect)
    questions = Questions(database, settings.tz)
    site = Site(questions, settings.zone(), lambda: datetime.now(UTC), settings.batch_age_s)
    password = settings.asked_password()
    app = create_app(
        site,
        password=password.get_secret_value() if password else None,
        prefix=settings.dashboard_prefix,
    )
    server, watch = _server(app, settings), Watch(questions)
    host, port = settings.dashboard_bind, settings.dashboard_port
    shown = f"[{host}]" if ":" in host else host
    log.info("The page is at http://%s:%d%s/", shown, port, settings.dashboard_prefix)

    async def listen() -> None:
        try:
            await server.serve()
        except SystemExit:  # it has logged why
            raise CannotRun(
                f"DASHBOARD_PORT {port} of {host} cannot be listened on. Choose another one, or "
                "end the program that has it."
            ) from None

    async def farewell() -> None:
        server.should_exit = True
        await asyncio.wait([listening], timeout=5)

    listening = asyncio.create_task(listen())

    async def link() -> None:
        await asyncio.shield(listening)

    await service.run_jobs(
        [watch.run()],
        link(),
        farewell,
        health_file=settings.health_file,
        # Without the database it still does its work: the page says what is wrong.
        troubles={},
        steady=time.monotonic,
    )


def main() -> int:
    """Runs the service; the command line says how."""
    return service.main("bluenova-dashboard", serve)


if __name__ == "__main__":
    sys.exit(main())
