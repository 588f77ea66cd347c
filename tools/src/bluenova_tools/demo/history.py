"""A few hours of history for the demo's batteries, so that the page has something to show.

It stands under other batteries' numbers until the first live rows are there: it must end just
before them.
"""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta

from psycopg2.extensions import connection

from bluenova_recorder.schema import prepare
from bluenova_recorder.sql_files import sql_files
from bluenova_tools.local import Database
from bluenova_tools.years.generator import generate
from bluenova_tools.years.plan import Size

HOURS = 8
# The simulated batteries' own weak cell.
WEAK_CELL = 11
# Two of these have sixteen cells; the one in between has eight.
_MADE_FROM = (0x1A2B3C01, 0x1A2B3C03)


def prepare_history(database: Database, now: datetime) -> None:
    """Makes the tables, and fills them with what the batteries did until a little after now."""
    with closing(database.connect()) as db:
        prepare(db)
        with db, db.cursor() as cursor:
            for file in sql_files():
                file.run(cursor)
    day = (now - timedelta(hours=HOURS)).astimezone(UTC).date()
    days = ((now + timedelta(minutes=2)).astimezone(UTC).date() - day).days + 1
    # No gaps but ours; the weak cell has drifted for a while already.
    story = Size(
        batteries=3, days=days, first_day=day, gaps_a_day=0, weak_cell=WEAK_CELL, drifted_days=40
    )
    generate(database, story)
    with closing(database.connect()) as db, db, db.cursor() as cursor:
        cursor.execute(
            "DELETE FROM battery_pack WHERE insert_time_utc < %s OR insert_time_utc > %s"
            " OR NOT mcu_id = ANY (%s)",
            [
                _utc(now - timedelta(hours=HOURS)),
                _utc(now + timedelta(minutes=2)),
                list(_MADE_FROM),
            ],
        )
        cursor.execute("DELETE FROM battery_pack_events")
        _make_a_gap(cursor.connection, now)


def _make_a_gap(db: connection, now: datetime) -> None:
    """Loses the first battery for twenty-five minutes."""
    lost, back = now - timedelta(minutes=170), now - timedelta(minutes=145)
    with db.cursor() as cursor:
        cursor.execute(
            "DELETE FROM battery_pack WHERE mcu_id = %s AND insert_time_utc > %s"
            " AND insert_time_utc < %s",
            [_MADE_FROM[0], _utc(lost), _utc(back)],
        )
        for event, at in (("battery_lost", lost), ("battery_back", back)):
            cursor.execute(
                "INSERT INTO battery_pack_events (event_time_utc, mcu_id, event, interval_s)"
                " VALUES (%s, %s, %s, 10)",
                [_utc(at + timedelta(seconds=1)), _MADE_FROM[0], event],
            )


def give_history(database: Database, batteries: Sequence[int]) -> datetime:
    """Gives the history to the batteries, up to each one's first live row. Returns when that is."""
    with closing(database.connect()) as db, db, db.cursor() as cursor:
        cursor.execute(
            "SELECT min(insert_time_utc) AT TIME ZONE 'UTC' FROM battery_pack"
            " WHERE mcu_id = ANY (%s)",
            [list(batteries)],
        )
        ((first,),) = cursor.fetchall()
        for made_from, mcu_id in zip(_MADE_FROM, batteries, strict=True):
            cursor.execute(
                "UPDATE battery_pack SET mcu_id = %(to)s WHERE mcu_id = %(from)s"
                " AND insert_time_utc < coalesce((SELECT min(insert_time_utc) FROM battery_pack"
                " WHERE mcu_id = %(to)s), (now() AT TIME ZONE 'UTC') - INTERVAL '5 s')",
                {"from": made_from, "to": mcu_id},
            )
            cursor.execute(
                "UPDATE battery_pack_events SET mcu_id = %s WHERE mcu_id = %s",
                [mcu_id, made_from],
            )
        cursor.execute("DELETE FROM battery_pack WHERE mcu_id = ANY (%s)", [list(_MADE_FROM)])
        return first or datetime.now(UTC)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
