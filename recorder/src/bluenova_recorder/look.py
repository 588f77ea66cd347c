"""What the database's catalogue says of the table. It only looks, and waits for nobody's lock."""

from psycopg2 import extensions as pg

from bluenova_recorder.table_state import Index, TableState
from bluenova_shared.table import TABLE

# Timescale's chunks inherit, too, and get each index of their table by themselves.
LOOK = f"""
SELECT c.oid::bigint, n.nspname, c.relkind::text, greatest(c.reltuples, 0)::bigint,
       (SELECT format_type(coalesce(nullif(typbasetype, 0), t.oid), NULL)
        FROM pg_attribute JOIN pg_type AS t ON t.oid = atttypid
        WHERE attrelid = c.oid AND attname = 'insert_time_utc'),
       c.relkind = 'r' AND EXISTS (
           SELECT FROM pg_inherits
           JOIN pg_class AS child ON child.oid = inhrelid
           JOIN pg_namespace AS home ON home.oid = child.relnamespace
           WHERE inhparent = c.oid AND NOT starts_with(home.nspname, '_timescaledb')),
       (SELECT json_agg(json_build_array(
                   i.relname,
                   ARRAY[indisunique, indisvalid, indimmediate, indpred IS NOT NULL,
                         indexprs IS NOT NULL, indisexclusion],
                   ARRAY(SELECT attname FROM unnest(indkey) WITH ORDINALITY AS k (n, place)
                         JOIN pg_attribute ON attrelid = indrelid AND attnum = k.n
                         WHERE place <= indnkeyatts ORDER BY place)) ORDER BY i.relname)
        FROM pg_index JOIN pg_class AS i ON i.oid = indexrelid
        WHERE indrelid = c.oid),
       c.relkind = 'r' AND NOT c.relhassubclass AND NOT c.relhasrules AND NOT c.relrowsecurity
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = to_regclass('{TABLE}')
"""
# What is as before as long as all that LOOK finds is, but for its estimate of rows. It takes the
# server 0.3 instead of 1.1 ms, most of it to plan the statement.
GLANCE = f"""
SELECT c.oid::bigint, c.relnamespace::regnamespace::text, c.relkind::text, c.relhassubclass,
       c.relhasrules, c.relrowsecurity,
       ARRAY(SELECT indexrelid::regclass::text || i::text FROM pg_index AS i
             WHERE indrelid = c.oid ORDER BY indexrelid),
       ARRAY(SELECT inhrelid::bigint FROM pg_inherits WHERE inhparent = c.oid ORDER BY 1),
       ARRAY(SELECT (attnum, attname, atttypid)::text FROM pg_attribute
             WHERE attrelid = c.oid AND attnum > 0 ORDER BY attnum)
FROM pg_class AS c
WHERE c.oid = to_regclass('{TABLE}')
"""


def look(cursor: pg.cursor) -> TableState | None:
    """What there is by the table's name now; None if there is nothing."""
    cursor.execute(LOOK)
    found = cursor.fetchone()
    if found is None:
        return None
    oid, schema, kind, rows, time_type, has_heirs, indexes, is_plain = found
    return TableState(
        oid=oid,
        schema=schema,
        kind=kind,
        rows=rows,
        time_type=time_type or "",
        has_heirs=has_heirs,
        indexes=tuple(_index(*index) for index in indexes or ()),
        is_plain=is_plain,
    )


def _index(name: str, flags: list[bool], columns: list[str]) -> Index:
    unique, valid, immediate, partial, has_expressions, excludes = flags
    return Index(name, unique, valid, immediate, partial, has_expressions, excludes, tuple(columns))


def names_taken(cursor: pg.cursor, schema: str) -> set[str]:
    """The names in a schema that no new index can have."""
    cursor.execute(
        "SELECT relname FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace "
        "WHERE nspname = %s AND starts_with(relname, %s)",
        [schema, TABLE],
    )
    return {name for (name,) in cursor.fetchall()}
