"""What the database needs besides the rows: changed views, and the unique key of an old table.

It runs beside recording, over connections of its own, and stands in nobody's way: what cannot be
done at once is tried again later.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import closing

import psycopg2
from psycopg2 import extensions as pg

from bluenova_recorder.account import BRIEF, Account, transaction
from bluenova_recorder.cures import reason_of
from bluenova_recorder.key import KeyMaker
from bluenova_recorder.look import look
from bluenova_recorder.others import users_of
from bluenova_recorder.sql_files import SqlFile, sql_files, with_missing, with_old
from bluenova_recorder.table_state import TableState
from bluenova_shared.backoff import Backoff
from bluenova_shared.logs import Change
from bluenova_shared.table import KEY, TABLE
from bluenova_shared.threads import in_daemon_thread

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
# The first pause and the longest one before it is tried again, in seconds.
PAUSES_S = (5.0, 300.0)


class Housekeeping:
    """Keeps the database in shape.

    `table` tells what the table was like when last written to; after `look_again`, whoever writes
    looks at it anew.
    """

    def __init__(
        self,
        account: Account,
        table: Callable[[], TableState | None],
        look_again: Callable[[], None],
    ) -> None:
        self._account = account
        self._table = table
        self._look_again = look_again
        self._key = KeyMaker(account)
        self._said: set[tuple[int, str]] = set()
        self._trouble = Change()

    async def run(self) -> None:
        """Works until cancelled: at the start, and whenever the table is another one."""
        backoff = Backoff.doubling(*PAUSES_S)
        seen = after = None
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            state = self._table()
            # Who writes tells what it saw last: the very state that was dealt with, until it looks
            # again. An equal one that it saw since is one that lost what was made.
            if state is None or state is seen or state == after:
                continue
            done = await in_daemon_thread(lambda state=state: self.keep(state))  # type: ignore[misc]  # mypy does not infer a lambda with a default
            if done is None:
                await asyncio.sleep(backoff.next_s())
            else:
                seen, after = state, done
                self._look_again()
                backoff.reset()

    def keep(self, state: TableState) -> TableState | None:
        """Does what is to be done; returns what the table is like then.

        None: not all of it could be done now. The log says why, once.
        """
        try:
            self._name_troubles(state)
            with closing(self._account.connect()) as db:
                done = renew(db)
            done = self._key.see_to(state) and done
            with closing(self._account.connect()) as db, transaction(db) as cursor:
                after = look(cursor)
        except psycopg2.Error as error:
            reason = reason_of(error)
            # That there is no database at all is said by who records.
            if _is_there(error) and self._trouble.to(reason):
                log.warning(
                    "Housekeeping in the database has to wait (%s). Recording goes on", reason
                )
            return None
        except Exception:
            # Whatever this is, it must not end what records.
            if self._trouble.to("unknown"):
                log.exception("Housekeeping in the database failed. Recording goes on")
            return None
        self._trouble.to(None)
        return after if done else None

    def _name_troubles(self, state: TableState) -> None:
        """Says once what keeps the rows from being unique, or from being stored."""
        key = ", ".join(KEY)
        for one in state.narrower_keys:
            self._say(
                state,
                f"{TABLE} has a unique key of your own, {one.name} on ({one.on}), "
                f"that may refuse rows which are unique by ({key}): of two batteries with a row "
                "for one time it may keep one. Such rows go to the rejected ones. "
                "docs/migrating.md tells what to do",
            )
        if not state.can_have_key:
            why = "other tables inherit from it" if state.has_heirs else "it is no plain table"
            self._say(
                state,
                f"{TABLE} cannot have a unique key that holds for all of its rows, as {why}. Each "
                f"row is looked for before it is stored, by one recorder at a time: indexes on "
                f"({key}) make that fast",
            )

    def _say(self, state: TableState, what: str) -> None:
        if (state.oid, what) not in self._said:
            self._said.add((state.oid, what))
            log.warning("%s", what)


def renew(db: pg.connection) -> bool:
    """Makes views, functions and tables as this release has them; returns whether all were."""
    with transaction(db) as cursor:
        old = with_old(cursor, sql_files())
        old += [file for file in with_missing(cursor, sql_files()) if file not in old]
        old.sort(key=lambda file: file.name)
    done = [_renew(db, file) for file in old]
    return all(done)


def _renew(db: pg.connection, file: SqlFile) -> bool:
    """Replaces views and functions, unless somebody uses one now; returns whether it was done."""
    names = [*file.tables, *(name for _, name in file.replaced)]
    what = ", ".join(f"{kind.lower()} {name}" for kind, name in file.replaced) or file.name
    try:
        with transaction(db, BRIEF) as cursor:
            file.run(cursor)
    except psycopg2.errors.LockNotAvailable:
        with transaction(db) as cursor:
            users = users_of(cursor, names[0])
        log.info("The %s is to change, and is in use by %s; later", what, users)
        return False
    except (
        psycopg2.ProgrammingError,
        psycopg2.NotSupportedError,
        psycopg2.errors.DependentObjectsStillExist,
    ) as error:
        # Somebody else's, or somebody's own view needs it: that must not keep the key from us.
        reason = reason_of(error)
        log.warning("The %s cannot be as this release has it (%s)", what, reason)
        return True
    log.info("The %s is as this release has it", what)
    return True


def _is_there(error: psycopg2.Error) -> bool:
    """Whether it is a server at work that says no: one that is away or goes has no such code."""
    return error.pgcode is not None and not error.pgcode.startswith("57P")
