"""How the check asks the database: only reading, and never waiting for long."""

import contextlib
from collections.abc import Iterator

import psycopg2
from psycopg2 import errors
from psycopg2 import extensions as pg

from bluenova_recorder.account import Session, transaction
from bluenova_recorder.cures import cure, reason_of
from bluenova_shared.check.result import Findings

# A lock is waited for so briefly that nobody comes to wait behind us.
BRIEF = Session(lock_timeout_s=0.3, statement_timeout_s=4, idle_in_transaction_s=10)


@contextlib.contextmanager
def asking(db: pg.connection, findings: Findings, name: str) -> Iterator[pg.cursor]:
    """Gives a cursor for what one result takes; an error becomes that result.

    Nothing is raised then, and what follows in the block is passed over.
    """
    try:
        with transaction(db, BRIEF) as cursor:
            yield cursor
    except errors.QueryCanceled:
        findings.skipped(name, "the database takes too long to answer that")
    except errors.LockNotAvailable:
        findings.skipped(name, "not looked at, as a table is locked (see: database blockers)")
    except psycopg2.Error as error:
        what = cure(error).removeprefix(". ") or "See the database's log"
        findings.wrong(name, reason_of(error), what)
