"""The files of sql/: which objects each makes, and whether one has changed since it was run."""

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

from psycopg2 import extensions as pg

from bluenova_shared.table import TABLE

_MADE = re.compile(r"^CREATE (?:UNIQUE )?(?:TABLE|INDEX) IF NOT EXISTS (\w+)", re.MULTILINE)
_REPLACED = re.compile(r"^CREATE OR REPLACE VIEW (\w+)", re.MULTILINE)


@dataclass(frozen=True)
class SqlFile:
    """A file of sql/: it makes tables with their indexes, or one view that a release may change."""

    name: str
    text: str

    @property
    def view(self) -> str | None:
        """The view that it makes."""
        found = _REPLACED.search(self.text)
        return found and found[1]

    @property
    def makes(self) -> list[str]:
        """What must be there after it was run.

        The main table's own indexes are a matter apart: they may take long to build.
        """
        made = _MADE.findall(self.text)
        if made[:1] == [TABLE]:
            return [TABLE]
        return [*made, self.view] if self.view else made

    @property
    def mark(self) -> str:
        """What the view's comment says if this very text made it."""
        digest = hashlib.sha256(self.text.encode()).hexdigest()
        return f"Made by bluenova-recorder, definition {digest[:16]}"

    def run(self, cursor: pg.cursor) -> None:
        """Runs it, and marks the view."""
        cursor.execute(self.text)
        if self.view:
            cursor.execute(f"COMMENT ON VIEW {self.view} IS %s", [self.mark])


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
    names = [name for file in files for name in file.makes]
    cursor.execute("SELECT name FROM unnest(%s) AS name WHERE to_regclass(name) IS NULL", [names])
    missing = {name for (name,) in cursor.fetchall()}
    return [file for file in files if missing & set(file.makes)]


def with_old_view(cursor: pg.cursor, files: list[SqlFile]) -> list[SqlFile]:
    """Those whose view is another release's. It only looks."""
    old = []
    for file in files:
        if file.view:
            cursor.execute("SELECT obj_description(to_regclass(%s), 'pg_class')", [file.view])
            if cursor.fetchone() != (file.mark,):
                old.append(file)
    return old
