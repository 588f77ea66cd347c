"""The faults of PostgreSQL: how each begins, and how it is undone."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2

from bluenova_shared.table import TABLE
from bluenova_tools.chaos.plan import Kind
from bluenova_tools.chaos.stage import (
    DATABASE,
    MOST_CONNECTIONS,
    Doing,
    Stage,
    fault,
    start_postgres,
)
from bluenova_tools.local.programs import find_postgres


def of_postgres(stage: Stage) -> dict[Kind, Doing]:
    """Every kind of fault of it that this machine allows, and how it is done."""
    server = stage.postgres

    def stop() -> None:
        server.stop(immediate=True)

    def start() -> None:
        start_postgres(stage)

    found: dict[Kind, Doing] = {
        Kind("kill", "PostgreSQL", 2, 0.1, 2.0): fault(server.kill, start),
        Kind("immediate stop", "PostgreSQL", 3, 0.1, 2.0): fault(stop, start),
        Kind("freeze", "PostgreSQL", 2, 0.3, 4.0): fault(server.freeze, server.resume),
        Kind("refuse connections", "database", 2): _refuse,
        Kind("no connections left", "PostgreSQL's connections", 2): _exhaust,
        Kind("lock", "table", 3, 0.5, 4.0): _lock_table,
        Kind("open transaction", "a reader", 2, 1.0, 8.0): _read_for_long,
        Kind("VACUUM", "a vacuum", 1): _vacuum,
    }
    if (dump := find_postgres(stage.folder, None) / "pg_dump").is_file():
        found[Kind("pg_dump", "a backup", 2)] = lambda stage: _dump(stage, dump)
    if stage.postgres_disk.mounted:
        found[Kind("full disk", "PostgreSQL", 1.5)] = _full_postgres
    return found


@contextmanager
def _lock_table(stage: Stage) -> Iterator[None]:
    with closing(stage.postgres.connect(DATABASE)) as db, db.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def _read_for_long(stage: Stage) -> Iterator[None]:
    with closing(stage.postgres.connect(DATABASE)) as db, db.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute(f"SELECT count(*) FROM {TABLE}")  # noqa: S608  # our own constant
        yield


@contextmanager
def _vacuum(stage: Stage) -> Iterator[None]:
    with closing(stage.postgres.connect(DATABASE)) as db:
        db.autocommit = True
        with db.cursor() as cursor:
            cursor.execute(f"VACUUM (FREEZE, ANALYZE) {TABLE}")
    yield


@contextmanager
def _dump(stage: Stage, program: Path) -> Iterator[None]:
    dsn = stage.postgres.database(DATABASE).dsn()
    dump = subprocess.Popen(
        [program, "--dbname", dsn], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    yield
    dump.kill()
    dump.wait()


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
