"""The way in which rows are stored, beside plainer ones."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count, islice

from psycopg2.extras import execute_values

from bluenova_recorder.account import Account
from bluenova_recorder.store import Store
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.table import COLUMNS, TABLE, row
from bluenova_shared.topics import Topics
from bluenova_tools.bench.figures import Figure
from bluenova_tools.bench.pour import FIRST, pattern
from bluenova_tools.local import Database, Postgres

ROWS = 2000
_INSERT = f"INSERT INTO {TABLE} ({', '.join(column.name for column in COLUMNS)})"
_VALUES = ", ".join(["%s"] * len(COLUMNS))

Way = Callable[[list[Snapshot]], object]


class Storing:
    """Three ways for snapshots into the table."""

    def __init__(self, database: Database) -> None:
        # libpq reads its own variables for what a recorder's settings leave to it.
        os.environ.update(database.environment())
        self._store = Store(Account(database.name, database.user, database.password), Topics())
        self._store.open()
        self._plain = database.connect()

    def close(self) -> None:
        """Closes the connections."""
        self._plain.close()
        self._store.close()

    def ours(self, snapshots: list[Snapshot]) -> None:
        """As the recorder does it: COPY into a stage, and from there what is new."""
        self._store.write(snapshots)

    def by_values(self, snapshots: list[Snapshot]) -> None:
        """INSERT with many rows of values at once."""
        with self._plain, self._plain.cursor() as cursor:
            statement = f"{_INSERT} VALUES %s ON CONFLICT DO NOTHING"
            execute_values(cursor, statement, list(map(row, snapshots)))

    def by_row(self, snapshots: list[Snapshot]) -> None:
        """One INSERT for each row, as the C program did it, though in one transaction."""
        with self._plain, self._plain.cursor() as cursor:
            statement = f"{_INSERT} VALUES ({_VALUES}) ON CONFLICT DO NOTHING"
            cursor.executemany(statement, list(map(row, snapshots)))


def figures(rounds: int) -> Iterator[Figure]:
    """How many rows a second, in batches of 2,000."""
    one = pattern()
    new = (one.model_copy(update={"time": FIRST + timedelta(seconds=10 * n)}) for n in count())

    def rate(way: Way) -> float:
        snapshots = list(islice(new, ROWS))
        began_s = time.perf_counter()
        way(snapshots)
        return ROWS / (time.perf_counter() - began_s)

    with (
        Postgres() as postgres,
        contextlib.closing(Storing(postgres.create_database("storing"))) as storing,
    ):
        ways = (storing.ours, storing.by_values, storing.by_row)
        ours, values, rows = zip(*([rate(way) for way in ways] for _ in range(rounds)), strict=True)
    name = f"storing {ROWS:,} rows at once"
    yield Figure("storing", name, "rows/s", ours, values, "many rows in one INSERT")
    yield Figure("storing", name, "rows/s", ours, rows, "an INSERT for each row")
