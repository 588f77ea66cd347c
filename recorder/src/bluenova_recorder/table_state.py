"""What the table is like, and what follows for the rows' uniqueness. Pure."""

import re
from collections.abc import Container
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from bluenova_shared.table import COLUMNS, KEY, TABLE

WHOLE_KEY = f"{TABLE}_key"
PARTIAL_KEY = f"{TABLE}_key_from_"  # and the time, in seconds since 1970
TIME_INDEX = f"{TABLE}_time"

# A number at the end is there if the plain name was taken, by an archived table's index say.
_OURS = re.compile(rf"({WHOLE_KEY}|{PARTIAL_KEY}(?P<from_s>\d+)|{TIME_INDEX})(_\d+)?")
_OUR_COLUMNS = {column.name for column in COLUMNS}

# Since when the rows are kept unique by a key, as PostgreSQL writes it.
ALWAYS, NEVER = "-infinity", "infinity"


@dataclass(frozen=True)
class Index:
    """An index of the table; its columns in their order, expressions left out."""

    name: str
    unique: bool
    valid: bool
    immediate: bool
    partial: bool
    has_expressions: bool
    excludes: bool  # an exclusion constraint's
    columns: tuple[str, ...]

    @property
    def is_ours(self) -> bool:
        """Whether its name says that a recorder made it."""
        return _OURS.fullmatch(self.name) is not None

    @property
    def keeps_unique(self) -> bool:
        """Whether it is a key on a battery and a time, maybe not for all rows."""
        is_key = set(self.columns) == set(KEY) and not self.has_expressions
        return is_key and self.unique and self.valid and self.immediate

    @property
    def refuses_some_of_our_rows(self) -> bool:
        """Whether rows of other batteries or times may be in its way."""
        columns = set(self.columns)
        is_for_ours = columns <= _OUR_COLUMNS  # an expression may be on our columns or theirs
        return (self.unique or self.excludes) and not set(KEY) <= columns and is_for_ours

    @property
    def on(self) -> str:
        """What it is on, for people."""
        return ", ".join([*self.columns, *["an expression"] * self.has_expressions])

    @property
    def from_s(self) -> int | None:
        """Since when our partial key holds, in seconds since 1970."""
        found = _OURS.fullmatch(self.name)
        from_s = found and found["from_s"]
        return int(from_s) if from_s and self.partial and self.keeps_unique else None


@dataclass(frozen=True)
class TableState:
    """The table as the catalogue has it: `kind` is pg_class's letter, `rows` an estimate.

    It `has_heirs` if tables inherit from it in the old way, with a trigger that routes the rows. It
    `is_plain` if it has neither heirs nor partitions, nor rules, nor row-level security.
    """

    oid: int
    schema: str
    kind: str
    rows: int = field(compare=False)
    time_type: str
    has_heirs: bool
    indexes: tuple[Index, ...]
    is_plain: bool

    @property
    def takes_copies(self) -> bool:
        """Whether COPY does with rows what INSERT does, and a key refuses what is there already.

        It takes no notice of rules, does not go where there is row-level security, waits until the
        commit with a deferred key, and fills one partition after the other: two recorders with the
        same rows in their order would wait for each other.
        """
        return self.is_plain and self.has_whole_key and all(one.immediate for one in self.indexes)

    @property
    def can_have_key(self) -> bool:
        """Whether a unique key on it would hold for all of its rows."""
        return self.kind in "rp" and not self.has_heirs

    @property
    def partial_keys(self) -> list[Index]:
        """Our keys for the rows from some time on."""
        return [one for one in self.indexes if one.from_s is not None]

    @property
    def partial_key(self) -> Index | None:
        """The one of them that holds for the most rows."""
        return min(self.partial_keys, key=lambda one: one.from_s or 0, default=None)

    @property
    def has_whole_key(self) -> bool:
        """Whether a key, ours or the user's own, holds for each row."""
        keys = (one for one in self.indexes if one.keeps_unique and not one.partial)
        return self.can_have_key and any(keys)

    @property
    def unique_from(self) -> str:
        """Since when a key on this very table keeps its rows unique: a time, ALWAYS or NEVER."""
        if self.has_whole_key:
            return ALWAYS
        partial = self.partial_key
        if partial is None or partial.from_s is None or not self.can_have_key:
            return NEVER
        return time_of(partial.from_s)

    @property
    def has_time_index(self) -> bool:
        """Whether there is an index that begins with the time."""
        return any(
            one.valid and not one.partial and one.columns[:1] == ("insert_time_utc",)
            for one in self.indexes
        )

    @property
    def narrower_keys(self) -> list[Index]:
        """The user's own unique keys that refuse rows of other batteries or times.

        A key on a column that we do not fill (a serial number) refuses none of our rows.
        """
        return [one for one in self.indexes if one.refuses_some_of_our_rows]

    @property
    def broken(self) -> list[Index]:
        """Our own indexes that a build has not finished: they cost time, and hold nothing.

        Not of a partitioned table: there its owner may just be making it, partition by partition.
        """
        if self.kind == "p":
            return []
        return [one for one in self.indexes if one.is_ours and not one.valid]


def time_of(seconds: int) -> str:
    """A time as PostgreSQL writes it without a zone, in UTC."""
    return str(datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None))


def free_name(wanted: str, taken: Container[str]) -> str:
    """The name, or with a number behind it if it is taken."""
    if wanted not in taken:
        return wanted
    return next(name for n in count(2) if (name := f"{wanted}_{n}") not in taken)
