"""`make bench`: how fast rows are stored, as ratios to plain ways measured in the same run.

A ratio holds on another machine, and while something else runs; rows or lines a second do not.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

from psycopg2.extras import execute_values

from bluenova_recorder.account import Account
from bluenova_recorder.store import Store
from bluenova_shared.program import show_what_can_be_shown
from bluenova_shared.snapshot import CELLS, Snapshot
from bluenova_shared.table import COLUMNS, TABLE, row
from bluenova_shared.topics import Topics
from bluenova_tools.local import Database, Postgres

_INSERT = f"INSERT INTO {TABLE} ({', '.join(column.name for column in COLUMNS)})"
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_times = count()

ROUNDS = 5
ROWS = 2000


def main() -> int:
    """Runs the benchmark, and prints one line for each comparison."""
    about = "Compare the way in which rows are stored with plainer ones."
    argparse.ArgumentParser("bench", description=about).parse_args()
    show_what_can_be_shown()
    with Postgres() as postgres:
        storing = Storing(postgres.create_database("bench"))
        print("COPY into a stage and INSERT … SELECT from there is")
        compare(storing.ours, storing.by_values, "many rows in one INSERT")
        compare(storing.ours, storing.by_row, "an INSERT for each row")
    return 0


Way = Callable[[list[Snapshot]], object]


def compare(ours: Way, other: Way, name: str) -> None:
    """Runs both ways in turn, and prints the median of the ratios."""
    pairs = [(seconds(ours), seconds(other)) for _ in range(ROUNDS)]
    ratio = statistics.median(other_s / our_s for our_s, other_s in pairs)
    rate = ROWS / statistics.median(our_s for our_s, _ in pairs)
    print(f"{ratio:.1f} times as fast as {name} ({rate:,.0f} rows a second here)", flush=True)


def seconds(way: Way) -> float:
    """How long one run takes, its snapshots at hand."""
    snapshots = new_snapshots()
    began_s = time.perf_counter()
    way(snapshots)
    return time.perf_counter() - began_s


class Storing:
    """Three ways for snapshots into the table."""

    def __init__(self, database: Database) -> None:
        # libpq reads its own variables for what a recorder's settings leave to it.
        os.environ.update(database.environment())
        self._store = Store(Account(database.name, database.user, database.password), Topics())
        self._store.open()
        self._plain = database.connect()

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
            values = ", ".join(["%s"] * len(COLUMNS))
            statement = f"{_INSERT} VALUES ({values}) ON CONFLICT DO NOTHING"
            cursor.executemany(statement, list(map(row, snapshots)))


def new_snapshots() -> list[Snapshot]:
    """Snapshots that no table holds yet."""
    return [
        Snapshot(
            time=_FIRST + timedelta(seconds=10 * next(_times)),
            mcu_id="1A2B3C4D",
            cell_v=(3.312,) * CELLS,
            cell_t=(31,) * CELLS,
            v_pack=53.123,
            i_pack=-12.5,
            soc=87,
            errors="",
            system_state="DISCHARGE",
        )
        for _ in range(ROWS)
    ]


if __name__ == "__main__":
    sys.exit(main())
