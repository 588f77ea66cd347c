"""Looks at the database, from its address to what its rows say."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from psycopg2 import extensions as pg

from bluenova_recorder.account import Account
from bluenova_recorder.check import blockers, hours, pooler, reach, rights, rows, table
from bluenova_recorder.check.known import Known
from bluenova_shared.check.result import Findings
from bluenova_shared.threads import in_daemon_thread

NAMES = (
    *(reach.REACHABLE, reach.ACCOUNT, rows.CLOCK, rights.ENCODING, rights.RIGHTS),
    *(table.NAME, pooler.POOLER, blockers.BLOCKERS, table.UNIQUE),
    *(rows.NEWEST, hours.HOURS, rows.SIZE),
)


@dataclass(frozen=True)
class DatabaseLook:
    """Which account in which database; `wall` gives the seconds since 1970."""

    account: Account
    removes_rows: bool
    known: Known
    wall: Callable[[], float]

    async def look(self, findings: Findings) -> None:
        """Looks at all of it, over one connection that only reads."""
        try:
            await in_daemon_thread(lambda: self._look(findings))
        finally:
            self.known.settled.set()

    def _look(self, findings: Findings) -> None:
        db = reach.connect(findings, self.account)
        if db is None:
            return
        with closing(db):
            rows.look_at_clock(findings, db, self.wall)
            rights.look_at_encoding(findings, db)
            rights.look_at_rights(findings, db, removes_rows=self.removes_rows)
            self._look_at_table(findings, db)

    def _look_at_table(self, findings: Findings, db: pg.connection) -> None:
        state = table.look_at_table(findings, db)
        pooler.look_at_pooler(findings, db, self.account, state)
        if state is None:
            return
        if blockers.look_at_blockers(findings, db, state):
            table.look_at_key(findings, db, state)
            rows.look_at_newest(findings, db, state, self.known)
            hours.look_at_hours(findings, db)
            rows.look_at_size(findings, db)
