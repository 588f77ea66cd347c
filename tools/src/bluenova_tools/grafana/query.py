"""What dashboards ask: queries for Grafana's PostgreSQL data source, and the pieces they share.

Grafana replaces variables (`${battery:sqlstring}`: quoted as a text) in the browser, and macros
(`$__timeFrom()`) on its server.
"""

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

PLUGIN = "grafana-postgresql-datasource"

# A variable, so that the dashboards can be imported wherever there is a PostgreSQL data source.
DATA_SOURCE = DataSourceRef(type_val=PLUGIN, uid="${datasource}")

# With no battery yet the variable is empty; then nothing is found, and no panel shows an error.
BATTERY = "nullif(${battery:sqlstring}, '')::BIGINT"
WINDOW = "$__timeFrom(), $__timeTo()"
FROM_UTC, TO_UTC = "$__timeFrom()::TIMESTAMP", "$__timeTo()::TIMESTAMP"
ZONE = "${__timezone:sqlstring}"
# As many points as Grafana asks for; two more, as the first and the last bucket are whole.
POINTS = "(1000.0 * ($__unixEpochTo() - $__unixEpochFrom()) / $__interval_ms)::INTEGER + 2"

SERIES = f"battery_pack_series({BATTERY}, {WINDOW}, {POINTS})"
CELL_SERIES = f"battery_pack_cell_series({BATTERY}, {WINDOW}, {POINTS})"
CELL_NAME = "'Cell ' || lpad(cell::TEXT, 2, '0')"


def named(mcu_id: str = "mcu_id") -> str:
    """The SQL for a battery's name: its MCU ID, eight hex digits."""
    return f"upper(lpad(to_hex({mcu_id}), 8, '0'))"


class Query(Dataquery):
    """A statement and what becomes of its answer: a table, or series over time."""

    def __init__(self, sql: str, *, table: bool = False, ref_id: str = "A") -> None:
        self.sql = "\n".join(line.strip() for line in sql.strip().splitlines())
        self.format = "table" if table else "time_series"
        self.ref_id = ref_id

    def to_json(self) -> dict[str, object]:
        """The query as Grafana keeps it."""
        return {
            "refId": self.ref_id,
            "datasource": DATA_SOURCE,
            "format": self.format,
            "editorMode": "code",
            "rawQuery": True,
            "rawSql": self.sql,
        }


class Asked(Builder[Dataquery]):
    """A query, for those of the SDK's methods that want a builder."""

    def __init__(self, query: Query) -> None:
        self.query = query

    def build(self) -> Dataquery:
        """Gives the query."""
        return self.query


def series(sql: str, ref_id: str = "A") -> Asked:
    """A query whose answer is drawn over time; its first column is `time`."""
    return Asked(Query(sql, ref_id=ref_id))


def table(sql: str, ref_id: str = "A") -> Asked:
    """A query whose answer is taken as it is."""
    return Asked(Query(sql, table=True, ref_id=ref_id))
