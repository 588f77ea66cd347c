"""Which of the database's errors its owner can mend, and how."""

import psycopg2
from psycopg2 import errors

from bluenova_shared.table import COLUMNS, TABLE

_OUR_COLUMNS = {column.name for column in COLUMNS}
# The functions of PostgreSQL that say so, whatever language its messages are in.
_NO_PARTITION = {"ExecFindPartition", "ExecPartitionCheckEmitError"}

# A row may be too long for an index, and lead a trigger so deep that the stack is at its end.
_LIMITS = (errors.ProgramLimitExceeded, errors.StatementTooComplex)

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
        errors.RaiseException,
        f"A trigger of {TABLE} refuses it: mend the trigger; what waits is stored then",
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


def is_owners(error: psycopg2.Error) -> bool:
    """Whether the table, and not the row, is what is wrong, though PostgreSQL blames the row."""
    if isinstance(error, errors.CheckViolation):
        return error.diag.source_function in _NO_PARTITION
    if isinstance(error, errors.NotNullViolation):
        return error.diag.column_name not in _OUR_COLUMNS
    # A trigger that routes the rows says so if it knows no table for this one.
    return isinstance(error, (errors.RaiseException, *_LIMITS))


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
        if isinstance(error, kind):
            return f". {what_to_do}"
    return ""
