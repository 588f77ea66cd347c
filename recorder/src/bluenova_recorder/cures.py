"""Which of the database's errors its owner can mend, and how."""

import psycopg2
from psycopg2 import errors

from bluenova_shared.table import COLUMNS, TABLE

_OUR_COLUMNS = {column.name for column in COLUMNS}
# The functions of PostgreSQL that say so, whatever language its messages are in.
_NO_PARTITION = {"ExecFindPartition", "ExecPartitionCheckEmitError"}

# A row may be too long for an index, and lead a trigger so deep that the stack is at its end.
_LIMITS = (errors.ProgramLimitExceeded, errors.StatementTooComplex)
# Classes of PostgreSQL's codes: a lost connection, a rolled back transaction, no room or memory,
# an end or a time-out that somebody asked for, the operating system.
_SERVERS_OWN = ("08", "40", "53", "57", "58")

_CURES: list[tuple[type[psycopg2.Error] | tuple[type[psycopg2.Error], ...], str]] = [
    (
        errors.InsufficientPrivilege,
        f"Give the account its right back: it needs SELECT and INSERT on {TABLE}, and on the "
        f"tables whose names begin with {TABLE}_, and TEMPORARY on the database",
    ),
    (errors.ReadOnlySqlTransaction, "The database or its account is read-only: let it write"),
    (errors.DiskFull, "The disk of the database is full: make room on it"),
    (errors.TooManyConnections, "The database has no connection left: raise max_connections"),
    (
        errors.InvalidSchemaName,
        "The account's search_path leads to no schema: ALTER ROLE … SET search_path = public",
    ),
    (
        _LIMITS,
        f"An index or a trigger of {TABLE} is not made for this row: mend or drop it; what waits "
        "is stored then",
    ),
    (errors.LockNotAvailable, f"Somebody else keeps {TABLE} locked: see pg_locks"),
]


def reason_of(error: psycopg2.Error) -> str:
    """What PostgreSQL says, in one line of the log."""
    return " ".join(str(error).split())


def is_items(error: Exception) -> bool:
    """Whether one item of a batch may be to blame for it.

    Text that cannot be encoded is, bad data, a limit that a row meets in an index, and whatever a
    trigger raises; but not a server or a connection that has troubles of its own.
    """
    if isinstance(error, (psycopg2.DataError, psycopg2.IntegrityError, UnicodeError, *_LIMITS)):
        return True
    return isinstance(error, psycopg2.Error) and _is_triggers(error)


def is_owners(error: psycopg2.Error) -> bool:
    """Whether the table, and not the row, is what is wrong, though PostgreSQL blames the row."""
    if isinstance(error, errors.CheckViolation):
        return error.diag.source_function in _NO_PARTITION
    if isinstance(error, errors.NotNullViolation):
        return error.diag.column_name not in _OUR_COLUMNS
    if isinstance(error, (psycopg2.DataError, psycopg2.IntegrityError)):
        return False
    # A trigger that routes the rows says so if it knows no table for this one.
    return isinstance(error, _LIMITS) or _is_triggers(error)


def _is_triggers(error: psycopg2.Error) -> bool:
    """Whether a function of the owner's raised it, with whatever code, or met it."""
    if error.pgcode is None or isinstance(error, errors.LockNotAvailable):
        return False
    is_servers = error.pgcode[:2] in _SERVERS_OWN and not isinstance(error, _LIMITS)
    # Each language of functions names itself so, in whatever language the server speaks.
    return not is_servers and "PL/" in (error.diag.context or "")


def cure(error: psycopg2.Error) -> str:
    """What the database's owner can do, as the end of a message; empty if there is no telling."""
    if isinstance(error, errors.CheckViolation) and is_owners(error):
        return (
            f". {TABLE} has no partition for this time: make it, CREATE TABLE … PARTITION OF "
            f"{TABLE} …; what waits is stored then"
        )
    if isinstance(error, errors.NotNullViolation) and is_owners(error):
        column = error.diag.column_name
        return (
            f". The column {column} of {TABLE} is not the recorder's: give it a default, or let "
            "it be null; what waits is stored then"
        )
    for kind, what_to_do in _CURES:
        if isinstance(error, kind) and (kind is _LIMITS or not _is_triggers(error)):
            return f". {what_to_do}"
    if _is_triggers(error):
        return f". A trigger of {TABLE} refuses it: mend the trigger; what waits is stored then"
    return ""
