"""Hours of a year whose rows were removed, from those of some days: what KEEP_RAW_DAYS leaves."""

from tests.support.harness import query

from bluenova_tools.local import Database

_SHIFTED = (
    "(SELECT array_agg(one - back ORDER BY n) FROM unnest({0}) WITH ORDINALITY AS a (one, n))"
)
# The times in each table, and those in arrays.
_TIMES = {
    "battery_pack_hours": ["hour_utc", "first_time", "last_time", "time_before", "time_after"],
    "battery_pack_hour_facts": ["hour_utc", "full_time", "empty_time"],
    "battery_pack_days": ["day_utc"],
}
_ARRAYS = {
    "battery_pack_hour_facts": [
        "gaps_from", "gaps_to", "states_from", "states_to", "step_times",
    ],
}  # fmt: skip


def repeat_hours(database: Database, days: int, times: int) -> None:
    """Puts the hours of these days so many times before the first of them."""
    statements = ["ALTER TABLE battery_pack_hours DISABLE TRIGGER USER"]
    for table, columns in _TIMES.items():
        values = [f"'{column}', {column} - back" for column in columns]
        values += [f"'{column}', {_SHIFTED.format(column)}" for column in _ARRAYS.get(table, [])]
        if table == "battery_pack_hours":
            values.append("'rows_removed', TRUE")
        statements.append(
            f"INSERT INTO {table} SELECT (jsonb_populate_record({table}, "
            f"jsonb_build_object({', '.join(values)}))).* FROM {table} "
            f"CROSS JOIN (SELECT n * INTERVAL '{days} days' AS back "
            f"FROM generate_series(1, {times}) AS n) AS shifts"
        )
    statements.append("ALTER TABLE battery_pack_hours ENABLE TRIGGER USER")
    query(database, "; ".join(statements))
    query(database, "ANALYZE battery_pack_hours; ANALYZE battery_pack_hour_facts")
