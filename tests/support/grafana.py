"""What Grafana makes of a query before PostgreSQL sees it, and the queries of our dashboards.

As in Grafana 12: variables and `$__interval…` are replaced in the browser, formats such as
`${battery:sqlstring}` first; the macros of the PostgreSQL data source on the server. What is not
known there is an error here, too.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg2.extensions import connection

DASHBOARDS = Path(__file__).parents[2] / "grafana" / "dashboards"

# Grafana's ladder: up to so many milliseconds between two points, the interval is so long.
_LADDER = (
    (10, 1), (15, 10), (35, 20), (75, 50), (150, 100), (350, 200), (750, 500), (1500, 1000),
    (3500, 2000), (7500, 5000), (12500, 10_000), (17500, 15_000), (25_000, 20_000),
    (45_000, 30_000), (90_000, 60_000), (210_000, 120_000), (450_000, 300_000),
    (750_000, 600_000), (1_050_000, 900_000), (1_500_000, 1_200_000), (2_700_000, 1_800_000),
    (5_400_000, 3_600_000), (9_000_000, 7_200_000), (16_200_000, 10_800_000),
    (32_400_000, 21_600_000), (86_400_000, 43_200_000), (604_800_000, 86_400_000),
    (1_814_400_000, 604_800_000), (3_628_800_000, 2_592_000_000),
)  # fmt: skip
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::(\w+))?\}")
_MACRO = re.compile(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)")


@dataclass(frozen=True)
class View:
    """What somebody looks at: the time range (UTC), the settings, and how wide the panel is."""

    begin: datetime
    end: datetime
    variables: Mapping[str, str]
    zone: str = "Africa/Johannesburg"
    pixels: int = 1500


def interval_ms(view: View, points: int | None) -> int:
    """The interval between two points; the data source's least one is ten seconds."""
    span_ms = (view.end - view.begin).total_seconds() * 1000
    exact = span_ms / (points or view.pixels)
    rounded = next((to for up_to, to in _LADDER if exact < up_to), 31_536_000_000)
    return max(rounded, 10_000)


def expand(sql: str, view: View, points: int | None = None) -> str:
    """The statement as PostgreSQL gets it. Raises ValueError for what Grafana does not know."""
    known = {**view.variables, "__timezone": view.zone}
    known["__interval_ms"] = str(interval_ms(view, points))

    def variable(found: re.Match[str]) -> str:
        plain, braced, form = found.groups()
        value = known.get(plain or braced)
        if value is None:
            return found[0]
        if form not in {None, "sqlstring"}:
            raise ValueError(f"no format {form}")
        # Both ways, a quote within the value is doubled.
        text = value.replace("'", "''")
        return f"'{text}'" if form else text

    sql = _VARIABLE.sub(variable, sql)
    sql = sql.replace("$__unixEpochFrom()", str(int(view.begin.timestamp())))
    sql = sql.replace("$__unixEpochTo()", str(int(view.end.timestamp())))
    sql = _MACRO.sub(lambda found: _macro(found[1], found[2], view), sql)
    if left := re.search(r"\$\{?\w+", sql):
        raise ValueError(f"{left[0]} is not known")
    return sql


def _macro(name: str, argument: str, view: View) -> str:
    begin, end = (f"'{_rfc3339(moment)}'" for moment in (view.begin, view.end))
    if name == "__timeFilter" and argument:
        return f"{argument.strip()} BETWEEN {begin} AND {end}"
    if name in {"__timeFrom", "__timeTo"} and not argument:
        return begin if name == "__timeFrom" else end
    raise ValueError(f"unknown macro {name}")


def _rfc3339(moment: datetime) -> str:
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return f"{text}Z"


@dataclass(frozen=True)
class Asked:
    """A query of a dashboard: where it stands, and what its answer is for."""

    page: str
    name: str
    kind: str  # a panel's type, "annotation", "variable" or "limits"
    sql: str
    format: str = "table"
    points: int | None = None

    def __str__(self) -> str:
        return f"{self.page}: {self.name}"


def pages() -> dict[str, dict[str, Any]]:
    """The committed dashboards, by name."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(DASHBOARDS.glob("*.json"))
    }


def settings(page: dict[str, Any]) -> dict[str, str]:
    """The values that a page's variables have at first; there is no battery yet."""
    return {
        one["name"]: one["current"]["value"] if "current" in one else ""
        for one in page["templating"]["list"]
    }


def queries(name: str, page: dict[str, Any]) -> Iterator[Asked]:
    """All queries of a page: of its panels, annotations and variables."""
    for panel in page["panels"]:
        limits = {one["options"]["configRefId"] for one in panel.get("transformations", [])}
        for target in panel["targets"]:
            yield Asked(
                page=name,
                name=f"{panel['id']} {panel['title']}, {target['refId']}",
                kind="limits" if target["refId"] in limits else panel["type"],
                sql=target["rawSql"],
                format=target["format"],
                points=panel.get("maxDataPoints"),
            )
    for mark in page["annotations"]["list"]:
        yield Asked(name, mark["name"], "annotation", mark["target"]["rawSql"])
    for variable in page["templating"]["list"]:
        if variable["type"] == "query":
            yield Asked(name, variable["name"], "variable", variable["query"])


def all_queries() -> list[Asked]:
    """All queries of all pages."""
    return [asked for name, page in pages().items() for asked in queries(name, page)]


@dataclass(frozen=True)
class Answer:
    """What PostgreSQL answered: the columns' names and types, and the rows."""

    names: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]

    def column(self, name: str) -> list[Any]:
        """One column's values."""
        position = self.names.index(name)
        return [row[position] for row in self.rows]


class Reader:
    """Asks over one connection."""

    def __init__(self, connection: connection) -> None:
        self._connection = connection

    def ask(self, sql: str) -> Answer:
        """Answers one statement, which stands as Grafana sends it."""
        with self._connection as db, db.cursor() as cursor:
            cursor.execute(sql)
            columns = cursor.description or ()
            rows = cursor.fetchall()
            cursor.execute("SELECT oid, typname FROM pg_type")
            types = dict(cursor.fetchall())
        return Answer([c.name for c in columns], [types[c.type_code] for c in columns], rows)
