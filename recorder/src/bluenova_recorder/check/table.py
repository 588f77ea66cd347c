"""The table: whether it is there, and what keeps its rows unique."""

import contextlib

import psycopg2
from psycopg2 import extensions as pg

from bluenova_recorder.check.asking import BRIEF, asking
from bluenova_recorder.look import look
from bluenova_recorder.progress import percent
from bluenova_recorder.table_state import TableState
from bluenova_recorder.ways import InAMoment
from bluenova_shared.check.result import Findings
from bluenova_shared.table import COLUMNS, KEY, TABLE

NAME, UNIQUE = "table", "table's key"

_COLUMNS = (
    "SELECT attname FROM pg_attribute "
    "WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped AND attname = ANY (%s)"
)
_BUILD = (
    "SELECT phase, blocks_done, blocks_total, tuples_done, tuples_total "
    "FROM pg_stat_progress_create_index WHERE relid = %s AND datname = current_database()"
)
# Counting duplicates reads the whole table.
MOST_COUNTED_ROWS = 2_000_000
_DUPLICATES = "docs/migrating.md tells how to find and remove them: Duplicates"
_START = "The recorder makes it when it starts: docker compose up -d recorder; see its log"


def look_at_table(findings: Findings, db: pg.connection) -> TableState | None:
    """Adds `table`; returns what it is like, None if there is none."""
    state = None
    with asking(db, findings, NAME) as cursor:
        state = look(cursor)
        if state is None:
            findings.warning(NAME, f"there is no {TABLE} yet", _START)
            return None
        cursor.execute(_COLUMNS, [state.oid, [column.name for column in COLUMNS]])
        there = {name for (name,) in cursor.fetchall()}
        missing = [column.name for column in COLUMNS if column.name not in there]
        kind = {"r": "a table", "p": "partitioned", "v": "a view"}.get(state.kind, "no plain table")
        if missing:
            findings.warning(
                NAME,
                f"{state.schema}.{TABLE} lacks {', '.join(missing)}",
                "The recorder adds it when it starts: docker compose restart recorder",
            )
        else:
            # Nobody has counted a table that was never analyzed.
            rows = f"about {state.rows:,} rows" if state.rows else "rows not counted yet"
            findings.ok(NAME, f"{state.schema}.{TABLE}, {kind}, {rows}")
    return state


def look_at_key(findings: Findings, db: pg.connection, state: TableState) -> None:
    """Adds `table's key`: which one, whether it is valid, or is being built."""
    build = None
    with asking(db, findings, UNIQUE) as cursor:
        cursor.execute("SELECT to_regclass('pg_stat_progress_create_index') IS NOT NULL")
        if cursor.fetchone() == (True,):  # not in PostgreSQL 11
            cursor.execute(_BUILD, [state.oid])
            build = cursor.fetchone()
    if findings.has(UNIQUE):
        return
    key = ", ".join(KEY)
    named = ", ".join(one.name for one in state.indexes if one.keeps_unique)
    if build is not None and not state.has_whole_key:
        findings.warning(
            UNIQUE,
            f"an index is being built: {percent(*build)} %; rows are stored once meanwhile",
            "Wait; if it does not go on, see: database blockers",
        )
    elif state.has_whole_key and state.narrower_keys:
        one = state.narrower_keys[0]
        findings.warning(
            UNIQUE,
            f"{named} is valid; but your own {one.name} on ({one.on}) may refuse rows",
            f"DROP INDEX {one.name}  (or its constraint); docs/migrating.md explains",
        )
    elif state.has_whole_key:
        findings.ok(UNIQUE, f"{named} on ({key}), valid, for all rows")
    elif not state.can_have_key:
        why = "other tables inherit from it" if state.has_heirs else "it is no plain table"
        findings.warning(
            UNIQUE,
            f"none can hold for all rows, as {why}: each row is looked for first",
            f"An index on ({key}) of each table makes that fast",
        )
    else:
        _look_at_rows(findings, db, state)


def _look_at_rows(findings: Findings, db: pg.connection, state: TableState) -> None:
    """There is no key for all rows: are there duplicates, or was there no time to make one?"""
    partial, broken = state.partial_key, [one.name for one in state.broken]
    kept = f"rows from {state.unique_from} on are kept unique; " if partial else ""
    found = None
    if state.rows <= MOST_COUNTED_ROWS:
        with contextlib.suppress(psycopg2.Error):  # a lock, say: then there is no telling
            found = InAMoment(db, BRIEF).duplicates(state)
    if found is not None and found.keys:
        findings.warning(
            UNIQUE,
            f"{kept}{found.keys:,} times have more than one row, the newest {found.newest} UTC",
            f"{_DUPLICATES}. Then: docker compose restart recorder",
        )
    elif partial:
        findings.warning(
            UNIQUE,
            f"{kept}older ones may not be",
            f"{_DUPLICATES}. Then: docker compose restart recorder",
        )
    elif broken:
        findings.warning(
            UNIQUE,
            f"{broken[0]} is invalid: its build was ended",
            f"{_START}. Or: DROP INDEX {broken[0]}",
        )
    else:
        findings.warning(UNIQUE, "none yet: each row is looked for before it is stored", _START)
