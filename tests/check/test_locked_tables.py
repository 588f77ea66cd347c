"""Somebody keeps the tables locked: `check` names who, what stops meanwhile, and the cure."""

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support.checking import Checked
from tests.support.harness import eventually

from bluenova_tools.local import Database

pytestmark = pytest.mark.services


def test_somebody_who_locks_the_table(ready: Database, check: Callable[..., Checked]) -> None:
    with contextlib.closing(ready.connect()) as db, db.cursor() as cursor:
        cursor.execute("SET application_name = 'a backup'; LOCK TABLE battery_pack")
        began_s = time.monotonic()
        checked = check(ready.environment())
        assert time.monotonic() - began_s < 5
        pid = db.info.backend_pid
        words = rf"process {pid} \(a backup, account homeauto\).*pg_terminate_backend\({pid}\)"
        checked.assert_names("database blockers", "wrong", words)
        assert checked["newest rows"].found == "not looked at, as it needs: database blockers"
        db.rollback()
        cursor.execute("LOCK TABLE battery_pack IN ACCESS SHARE MODE")  # as pg_dump does
        assert check(ready.environment())["database blockers"].state == "ok"


@pytest.mark.parametrize(
    ("table", "state", "stops"),
    [
        ("changed_hours", "wrong", "no row can be written"),
        ("events", "wrong", "no event can be written"),
        ("rejected", "wrong", "nothing that is rejected can be kept"),
        ("hours", "warning", "no hours are kept meanwhile; recording goes on"),
        ("hour_facts", "warning", "no hours are kept meanwhile; recording goes on"),
        ("days", "warning", "no hours are kept meanwhile; recording goes on"),
        ("hours_filled", "warning", "old rows get no hours meanwhile; recording goes on"),
    ],
)  # fmt: skip
def test_somebody_who_locks_another_of_our_tables(
    table: str, state: str, stops: str, ready: Database, check: Callable[..., Checked]
) -> None:
    with contextlib.closing(ready.connect()) as db, db.cursor() as cursor:
        pid = db.info.backend_pid
        for mode in ("SHARE", "ACCESS EXCLUSIVE"):
            cursor.execute(
                f"SET application_name = 'a tool'; LOCK battery_pack_{table} IN {mode} MODE"
            )
            words = (
                rf"process {pid} \(a tool, account homeauto\) has battery_pack_{table} locked for "
                rf"\d+ s: {stops}; 0 wait -> .*pg_terminate_backend\({pid}\)"
            )
            checked = check(ready.environment())
            checked.assert_names("database blockers", state, words)
            db.rollback()


def test_two_who_lock_tables_of_ours(ready: Database, check: Callable[..., Checked]) -> None:
    with (
        contextlib.closing(ready.connect()) as one,
        one.cursor() as first,
        contextlib.closing(ready.connect()) as other,
        other.cursor() as second,
    ):
        first.execute("LOCK battery_pack_days")
        second.execute("LOCK battery_pack_events, battery_pack_hours_filled")
        pids = one.info.backend_pid, other.info.backend_pid
        checked = check(ready.environment())
    words = (
        r"battery_pack_days locked for \d+ s: no hours are kept meanwhile; process .* has "
        r"battery_pack_events, battery_pack_hours_filled locked for \d+ s: no event can be written "
        rf"and old rows get no hours .*\({pids[0]}\); .*\({pids[1]}\)"
    )
    checked.assert_names("database blockers", "wrong", words)
    for name in ("newest rows", "hours"):
        assert checked[name].found.endswith("a table is locked (see: database blockers)")


def test_a_backup_that_keeps_an_index_waiting(
    ready: Database, check: Callable[..., Checked]
) -> None:
    with (
        ThreadPoolExecutor() as beside,
        contextlib.closing(ready.connect()) as owner,
        owner.cursor() as builds,
        # Its end is the first, and lets the build go on, whatever comes.
        contextlib.closing(ready.connect()) as backup,
        backup.cursor() as dumps,
    ):
        backup.set_session(isolation_level="REPEATABLE READ")
        dumps.execute("SET application_name = 'pg_dump'; SELECT count(*) FROM battery_pack")
        owner.autocommit = True
        build = "CREATE INDEX CONCURRENTLY theirs ON battery_pack (soc)"
        built = beside.submit(builds.execute, build)
        name = "database blockers"
        eventually(lambda: check(ready.environment())[name].state == "warning")
        words = rf"waits for process {backup.info.backend_pid} \(pg_dump, account.*Wait until"
        check(ready.environment()).assert_names(name, "warning", words)
        backup.rollback()
        built.result(10)
