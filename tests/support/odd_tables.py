"""Tables of other shapes than ours, and what keeps their hours."""

import contextlib
from collections.abc import Iterator

from tests.support.databases import odd_database
from tests.support.harness import query
from tests.support.hours import differences, hours_of
from tests.support.hours_at_work import assert_recomputed, keeper_in, rows_of, stored_hours

from bluenova_recorder.rollup.keeper import HoursKeeper
from bluenova_recorder.schema import prepare
from bluenova_tools.local import Database, Postgres

ROWS = (
    "INSERT INTO {} (insert_time_utc, mcu_id, soc, v_pack, i_pack) "
    "SELECT '{}'::timestamptz AT TIME ZONE 'UTC' + n * INTERVAL '10 s', 7, n % 100, 53, n % 7 - 3 "
    "FROM generate_series(0, 700) AS n;"
)
MORE = ROWS.format("battery_pack", "2023-12-31 23:00:03+00") + (
    "UPDATE battery_pack SET soc = 3 WHERE soc = 4;"
    "DELETE FROM battery_pack WHERE soc BETWEEN 20 AND 22;"
)


@contextlib.contextmanager
def table(postgres: Postgres, before: str) -> Iterator[tuple[Database, HoursKeeper]]:
    """A database with such a table, in a country of its own, and what keeps its hours."""
    with odd_database(postgres, before=before) as database:
        query(database, f"ALTER DATABASE {database.name} SET TimeZone = 'Asia/Kathmandu'")
        with contextlib.closing(database.connect()) as db:
            prepare(db)
        with contextlib.closing(keeper_in(database)) as keeper:
            assert keeper.work()
            yield database, keeper


def assert_right(database: Database, keeper: HoursKeeper) -> None:
    """The hours are what Python makes of the rows."""
    assert keeper.work()
    assert query(database, "SELECT count(*) FROM battery_pack_changed_hours") == [(0,)]
    query(database, f"ALTER DATABASE {database.name} RESET TimeZone")
    rows = rows_of(database)
    for row in rows:
        row["insert_time_utc"] = row["insert_time_utc"].replace(tzinfo=None)
    assert differences(stored_hours(database), hours_of(rows)) == []
    assert_recomputed(database)
