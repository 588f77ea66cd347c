"""The faults of PostgreSQL: how each begins, and how it is undone."""

import contextlib
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2

from bluenova_shared.table import TABLE
from bluenova_tools.chaos.plan import Kind
from bluenova_tools.chaos.stage import DATABASE, MOST_CONNECTIONS, Doing, Stage, start_postgres


def of_postgres(stage: Stage) -> dict[Kind, Doing]:
    """Every kind of fault of it that this machine allows, and how it is done."""

    @contextmanager
    def kill(stage: Stage) -> Iterator[None]:
        stage.postgres.kill()
        yield
        start_postgres(stage)

    @contextmanager
    def immediate(stage: Stage) -> Iterator[None]:
        stage.postgres.stop(immediate=True)
        yield
        start_postgres(stage)

    @contextmanager
    def freeze(stage: Stage) -> Iterator[None]:
        stage.postgres.freeze()
        yield
        stage.postgres.resume()

    found: dict[Kind, Doing] = {
        Kind("kill", "PostgreSQL", 2, 0.1, 2.0): kill,
        Kind("immediate stop", "PostgreSQL", 3, 0.1, 2.0): immediate,
        Kind("freeze", "PostgreSQL", 2, 0.3, 4.0): freeze,
        Kind("refuse connections", "database", 2): _refuse,
        Kind("no connections left", "PostgreSQL's connections", 2): _exhaust,
        Kind("lock", "table", 3, 0.5, 4.0): _lock_table,
    }
    if stage.postgres_disk.mounted:
        found[Kind("full disk", "PostgreSQL", 1.5)] = _full_postgres
    return found


@contextmanager
def _lock_table(stage: Stage) -> Iterator[None]:
    with closing(stage.postgres.connect(DATABASE)) as db, db.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def _refuse(stage: Stage) -> Iterator[None]:
    _allow_connections(stage, "false")
    yield
    while True:
        with contextlib.suppress(psycopg2.Error):
            return _allow_connections(stage, "true")
        time.sleep(0.2)


def _allow_connections(stage: Stage, allow: str) -> None:
    with closing(stage.postgres.connect()) as db:
        db.autocommit = True
        with db.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS {allow}")
    if allow == "false":
        _end_sessions(stage)


def _end_sessions(stage: Stage) -> None:
    with closing(stage.postgres.connect()) as db, db.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [DATABASE]
        )


@contextmanager
def _exhaust(stage: Stage) -> Iterator[None]:
    with contextlib.ExitStack() as taken:
        admin = taken.enter_context(closing(stage.postgres.connect()))
        _end_sessions(stage)
        for _ in range(MOST_CONNECTIONS):
            with contextlib.suppress(psycopg2.OperationalError):
                taken.enter_context(closing(stage.postgres.connect()))
        with admin.cursor() as cursor:
            cursor.execute("SELECT 1")  # or it was none of ours that took them
        yield


@contextmanager
def _full_postgres(stage: Stage) -> Iterator[None]:
    stage.postgres_disk.fill()
    yield
    stage.postgres_disk.free()
    if not stage.postgres.child.running:  # a server that cannot write its log ends
        start_postgres(stage)
