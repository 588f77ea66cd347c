"""The files of sql/: which objects each makes, and whether one has changed since it was run."""

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

from psycopg2 import errors
from psycopg2 import extensions as pg

from bluenova_shared.table import TABLE

_MADE = re.compile(r"^CREATE (?:UNIQUE )?(?:TABLE|INDEX) IF NOT EXISTS (\w+)", re.MULTILINE)
_REPLACED = re.compile(r"^CREATE OR REPLACE (VIEW|FUNCTION) (\w+)", re.MULTILINE)
# What the comment of the one with this name says, maybe nothing; null if there is none.
_COMMENTS = {
    "VIEW": "SELECT CASE WHEN to_regclass(%(name)s) IS NOT NULL THEN "
    "coalesce(obj_description(to_regclass(%(name)s), 'pg_class'), '') END",
    "FUNCTION": "SELECT CASE WHEN to_regproc(%(name)s) IS NOT NULL THEN "
    "coalesce(obj_description(to_regproc(%(name)s), 'pg_proc'), '') END",
}
_MARK = "Made by bluenova-recorder, definition "
# Those with that name that a recorder made, as DROP wants them.
_OURS = {
    "VIEW": "SELECT to_regclass(%(name)s)::text "
    "WHERE obj_description(to_regclass(%(name)s), 'pg_class') LIKE %(mark)s",
    "FUNCTION": "SELECT oid::regprocedure::text FROM pg_proc WHERE proname = %(name)s "
    "AND pg_function_is_visible(oid) AND obj_description(oid, 'pg_proc') LIKE %(mark)s",
}
# Other columns of a view, of what a function returns, and two functions of a name.
_CANNOT_REPLACE = (
    errors.InvalidTableDefinition,
    errors.InvalidFunctionDefinition,
    errors.AmbiguousFunction,
)
# What recording cannot do without. All else may be refused to the account: recording goes on.
_NEEDED = {TABLE, f"{TABLE}_rejected", f"{TABLE}_events"}


@dataclass(frozen=True)
class SqlFile:
    """A file of sql/: it makes tables with their indexes, or views and functions.

    Views and functions may change with a release. A function's name is its alone.
    """

    name: str
    text: str

    @property
    def replaced(self) -> list[tuple[str, str]]:
        """The views and functions that it makes: the kind and the name of each."""
        return [(found[1], found[2]) for found in _REPLACED.finditer(self.text)]

    @property
    def tables(self) -> list[str]:
        """The tables and indexes that must be there after it was run.

        The main table's own indexes are a matter apart: they may take long to build.
        """
        made = _MADE.findall(self.text)
        return [TABLE] if made[:1] == [TABLE] else made

    @property
    def is_needed(self) -> bool:
        """Whether recording cannot do without it."""
        return bool(_NEEDED & set(self.tables))

    @property
    def mark(self) -> str:
        """What the comments of views and functions say if this very text made them."""
        digest = hashlib.sha256(self.text.encode()).hexdigest()
        return f"{_MARK}{digest[:16]}"

    def run(self, cursor: pg.cursor) -> None:
        """Runs it, and marks what it makes. Functions may be there before their tables.

        A view or function of ours that has other columns or parameters now is made anew, unless
        something of its owner's depends on it.
        """
        cursor.execute("SET LOCAL check_function_bodies = off; SAVEPOINT as_it_was")
        try:
            self._replace(cursor)
        except _CANNOT_REPLACE:
            cursor.execute("ROLLBACK TO SAVEPOINT as_it_was")
            for kind, name in reversed(self.replaced):
                cursor.execute(_OURS[kind], {"name": name, "mark": f"{_MARK}%"})
                for (ours,) in cursor.fetchall():
                    cursor.execute(f"DROP {kind} {ours}")
            self._replace(cursor)

    def _replace(self, cursor: pg.cursor) -> None:
        cursor.execute(self.text)
        for kind, name in self.replaced:
            cursor.execute(f"COMMENT ON {kind} {name} IS %s", [self.mark])


def sql_files() -> list[SqlFile]:
    """All of them, in their order."""
    folder = resources.files("bluenova_recorder") / "sql"
    found = [file for file in folder.iterdir() if file.name.endswith(".sql")]
    return [
        SqlFile(file.name, file.read_text(encoding="utf-8"))
        for file in sorted(found, key=lambda file: file.name)
    ]


def with_missing(cursor: pg.cursor, files: list[SqlFile]) -> list[SqlFile]:
    """Those of which something is not there. It only looks."""
    names = [name for file in files for name in file.tables]
    cursor.execute("SELECT name FROM unnest(%s) AS name WHERE to_regclass(name) IS NULL", [names])
    missing = {name for (name,) in cursor.fetchall()}
    return [
        file
        for file in files
        if missing & set(file.tables)
        or any(_comment(cursor, kind, name) is None for kind, name in file.replaced)
    ]


def with_old(cursor: pg.cursor, files: list[SqlFile]) -> list[SqlFile]:
    """Those of which a view or a function is another release's, or missing. It only looks."""
    return [
        file
        for file in files
        if any(_comment(cursor, kind, name) != file.mark for kind, name in file.replaced)
    ]


def _comment(cursor: pg.cursor, kind: str, name: str) -> str | None:
    """What its comment says, maybe nothing; None: it is not there."""
    cursor.execute(_COMMENTS[kind], {"name": name})
    found = cursor.fetchone()
    return None if found is None or found[0] is None else str(found[0])
