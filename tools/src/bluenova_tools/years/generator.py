"""Fills `battery_pack` and `battery_pack_events` with days of rows of some batteries."""

import queue
import threading
from collections.abc import Callable
from contextlib import closing

from psycopg2.extensions import connection

from bluenova_tools.local import Database
from bluenova_tools.years.plan import Size, events, plan
from bluenova_tools.years.rows import rows_of_a_day


def generate(
    database: Database,
    size: Size,
    *,
    at_once: int = 1,
    done: Callable[[int], object] = lambda _: None,
) -> None:
    """Makes the rows over so many connections; the tables must be there.

    `done` gets the number of days that are complete, after each. The plan stays in no table.
    """
    with closing(database.connect()) as db:
        _run(db, *plan(size), events())
    in_parallel(database, rows_of_a_day(size), size.days, at_once, done)
    with closing(database.connect()) as db:
        _run(db, "DROP SCHEMA years CASCADE")


def _run(db: connection, *statements: str) -> None:
    with db, db.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def in_parallel(
    database: Database, statement: str, days: int, at_once: int, done: Callable[[int], object]
) -> None:
    """Runs a statement for each day, its number being the parameter `day`, each by itself."""
    to_do = queue.SimpleQueue[int]()
    for day in range(days):
        to_do.put(day)
    results = queue.SimpleQueue[Exception | None]()

    def work() -> None:
        try:
            with closing(database.connect()) as db:
                while True:
                    day = to_do.get_nowait()
                    with db, db.cursor() as cursor:
                        cursor.execute("SET LOCAL jit = off; SET LOCAL work_mem = '256MB'")
                        cursor.execute(statement, {"day": day})
                    results.put(None)
        except queue.Empty:
            pass
        except Exception as error:  # it is raised where the days are counted
            results.put(error)

    for _ in range(at_once):
        threading.Thread(target=work, daemon=True).start()
    for day in range(1, days + 1):
        if (error := results.get()) is not None:
            raise error
        done(day)
