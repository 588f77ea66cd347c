"""`make bench-years`: makes years of rows and their hours, and asks all that can be asked."""

import argparse
import statistics
import sys
import time
from contextlib import closing

from psycopg2.extensions import connection
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

from bluenova_recorder.schema import prepare
from bluenova_recorder.sql_files import sql_files
from bluenova_tools.local import Database, Postgres
from bluenova_tools.options import add_version, whole
from bluenova_tools.years.generator import generate, in_parallel
from bluenova_tools.years.plan import Size
from bluenova_tools.years.questions import Question, questions

# Nothing here has to survive a crash; what is read is as in any other server.
SERVER = {"wal_level": "minimal", "max_wal_senders": "0", "max_wal_size": "4GB"}
TABLES = (
    "battery_pack", "battery_pack_hours", "battery_pack_hour_facts", "battery_pack_days"
)  # fmt: skip
_HOURS_OF_A_DAY = """
INSERT INTO battery_pack_hours
SELECT hours.*
FROM (SELECT mcu_id FROM battery_pack_latest) AS batteries
CROSS JOIN LATERAL battery_pack_hours_from_rows(
    mcu_id, DATE '{first_day}' + %(day)s, DATE '{first_day}' + %(day)s + 1) AS hours
"""


def main() -> int:
    """Runs the benchmark; 1 if a goal was missed."""
    parser = argparse.ArgumentParser("bench-years", description="Ask a table of years of rows.")
    add_version(parser)
    add = parser.add_argument
    add("--batteries", type=whole(1, 100), default=10, help="how many batteries (%(default)s)")
    add("--days", type=whole(1, 3650), default=365, help="how many days (%(default)s)")
    add("--seed", type=whole(0, 1_000_000), default=1, help="another one: other days (%(default)s)")
    add("--rounds", type=whole(1, 100), default=5, help="how often each is asked (%(default)s)")
    options = parser.parse_args()
    size = Size(options.batteries, options.days, seed=options.seed)
    with Postgres(fast=True, config=SERVER) as postgres:
        database = postgres.create_database("years")
        make(database, size)
        with closing(database.connect()) as db:
            missed = [ask(db, question, options.rounds) for question in questions(size)]
    print(f"\n{sum(missed)} of {len(missed)} took longer than they may." if any(missed) else "")
    return int(any(missed))


def make(database: Database, size: Size) -> None:
    """Fills a database with rows, its key and its hours."""
    with closing(database.connect()) as db:
        prepare(db)
        _run(db, *(file.text for file in sql_files()))
        # It is built much faster at the end; and no hour is marked, as all are computed then.
        _run(db, "DROP INDEX battery_pack_key", "ALTER TABLE battery_pack DISABLE TRIGGER USER")
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        task = progress.add_task("days of rows", total=size.days)
        generate(database, size, at_once=2, done=lambda n: progress.update(task, completed=n))
        with closing(database.connect()) as db:
            _run(
                db,
                "SET maintenance_work_mem = '1GB'",
                "CREATE UNIQUE INDEX battery_pack_key ON battery_pack (mcu_id, insert_time_utc)",
                "ALTER TABLE battery_pack ENABLE TRIGGER USER",
            )
        task = progress.add_task("days of hours", total=size.days)
        statement = _HOURS_OF_A_DAY.format(first_day=size.first_day)
        in_parallel(database, statement, size.days, 2, lambda n: progress.update(task, completed=n))
    with closing(database.connect()) as db:
        db.autocommit = True
        with db.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
            _say_size(db)


def _run(db: connection, *statements: str) -> None:
    with db, db.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _say_size(db: connection) -> None:
    with db.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT count(*), pg_total_relation_size('{table}') FROM {table}")
            count, octets = cursor.fetchone() or (0, 0)
            per_row = octets / max(count, 1)
            print(f"{table}: {count:,} rows, {octets / 1e9:.2f} GB, {per_row:.0f} bytes a row")
    print(f"\n{'':25} {'window':10} {'rows':>8} {'ms':>8} {'fastest':>8} {'goal':>6}")


def ask(db: connection, question: Question, rounds: int) -> bool:
    """Asks it some times, prints the median, and returns whether it took longer than it may."""
    taken_ms = []
    count = 0
    for _ in range(rounds):
        with db, db.cursor() as cursor:
            began_s = time.perf_counter()
            cursor.execute(question.statement)
            count = len(cursor.fetchall())
            taken_ms.append(1000 * (time.perf_counter() - began_s))
    median_ms = statistics.median(taken_ms)
    is_late = median_ms > question.goal_ms
    print(
        f"{question.name:25} {question.window:10} {count:8,} {median_ms:8.1f} "
        f"{min(taken_ms):8.1f} {question.goal_ms:6.0f}{'  too long' if is_late else ''}",
        flush=True,
    )
    return is_late


if __name__ == "__main__":
    sys.exit(main())
