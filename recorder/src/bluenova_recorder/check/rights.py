"""What the database can hold, and what our account may do in it."""

from psycopg2 import extensions as pg

from bluenova_recorder.check.asking import asking
from bluenova_shared.check.result import Findings
from bluenova_shared.table import TABLE

ENCODING, RIGHTS = "database encoding", "database rights"

_OURS = [TABLE, f"{TABLE}_rejected", f"{TABLE}_events"]
# Without these there are rows, and no hours.
_FOR_HOURS = [
    (TABLE, "TRIGGER"),
    *((f"{TABLE}_hours", right) for right in ("SELECT", "INSERT", "DELETE")),
    *((f"{TABLE}_changed_hours", right) for right in ("SELECT", "INSERT", "DELETE")),
    *((f"{TABLE}_hours_filled", right) for right in ("SELECT", "INSERT", "UPDATE")),
]
# Each right that is missing, as the statement that gives it, and whether recording needs it: the
# others are for the hours.
_MISSING = """
SELECT format('GRANT %%s ON %%I TO %%I', wanted.privilege, wanted.name, current_user),
       wanted.privilege <> 'TRIGGER' AND wanted.name = ANY (%(needed)s)
FROM unnest(%(tables)s, %(rights)s) AS wanted (name, privilege)
WHERE to_regclass(wanted.name) IS NOT NULL
  AND NOT has_table_privilege(to_regclass(wanted.name), wanted.privilege)
UNION ALL
SELECT format('GRANT TEMPORARY ON DATABASE %%I TO %%I', current_database(), current_user), true
WHERE NOT has_database_privilege(current_database(), 'TEMPORARY')
UNION ALL
SELECT format('GRANT CREATE ON SCHEMA %%I TO %%I', current_schema(), current_user),
       EXISTS (SELECT FROM unnest(%(needed)s) AS name WHERE to_regclass(name) IS NULL)
WHERE NOT has_schema_privilege(current_schema(), 'CREATE')
"""
_READ_ONLY = """
SELECT pg_is_in_recovery(),
       (SELECT setting FROM pg_settings WHERE name = 'default_transaction_read_only') = 'on',
       current_schema(), current_setting('search_path')
"""
_OWNER = f"""
SELECT pg_get_userbyid(relowner), pg_has_role(relowner, 'USAGE'), current_user::text
FROM pg_class WHERE oid = to_regclass('{TABLE}')
"""


def look_at_encoding(findings: Findings, db: pg.connection) -> None:
    """Adds `database encoding`."""
    with asking(db, findings, ENCODING) as cursor:
        cursor.execute("SHOW server_encoding")
        (encoding,) = cursor.fetchone() or ("",)
        if encoding in ("UTF8", "SQL_ASCII"):
            findings.ok(ENCODING, f"{encoding}, which holds every character")
            return
        findings.warning(
            ENCODING,
            f"{encoding}: a text with a character that it lacks is rejected, with its snapshot",
            "Move the rows to a database made with: createdb -E UTF8 -T template0 NAME  (pg_dump "
            "and psql do the rest)",
        )


def look_at_rights(findings: Findings, db: pg.connection, *, removes_rows: bool) -> None:
    """Adds `database rights`."""
    with asking(db, findings, RIGHTS) as cursor:
        if _can_write(findings, cursor):
            _look_at_grants(findings, cursor, removes_rows=removes_rows)


def _can_write(findings: Findings, cursor: pg.cursor) -> bool:
    cursor.execute(_READ_ONLY)
    is_standby, is_read_only, schema, path = cursor.fetchone() or (False, False, None, "")
    if is_standby:
        findings.wrong(
            RIGHTS,
            "nothing can be written: this server is a standby",
            "Set PGHOST to the server that writes",
        )
    elif is_read_only:
        findings.wrong(
            RIGHTS,
            "nothing can be written: default_transaction_read_only is on",
            "ALTER ROLE ... RESET default_transaction_read_only; or ALTER DATABASE ... RESET ...",
        )
    elif schema is None:
        findings.wrong(
            RIGHTS,
            f"the account's search_path ({path}) leads to no schema that it may use",
            "ALTER ROLE ... SET search_path = public; GRANT USAGE ON SCHEMA public TO ...",
        )
    return not (is_standby or is_read_only or schema is None)


def _look_at_grants(findings: Findings, cursor: pg.cursor, *, removes_rows: bool) -> None:
    wanted = [(name, right) for name in _OURS for right in ("SELECT", "INSERT")]
    wanted += [*_FOR_HOURS, *[(TABLE, "DELETE")] * removes_rows]
    values = {
        "tables": [name for name, _ in wanted],
        "rights": [right for _, right in wanted],
        "needed": _OURS,
    }
    cursor.execute(_MISSING, values)
    missing = cursor.fetchall()
    cursor.execute(_OWNER)
    owner, is_owners, account = cursor.fetchone() or ("", True, "")
    if missing:
        grants = [statement for statement, _ in missing]
        rights = ", ".join(one.removeprefix("GRANT ").split(" TO ")[0] for one in grants)
        cure = "As its owner: " + "; ".join(grants)
        if any(is_needed for _, is_needed in missing):
            findings.wrong(RIGHTS, f"missing: {rights}", cure)
        else:
            findings.warning(RIGHTS, f"missing for the hours: {rights}", cure)
    elif not is_owners:
        findings.warning(
            RIGHTS,
            f"{TABLE} belongs to {owner}: it can be written, but gets no key and no column",
            f"As a superuser: ALTER TABLE {TABLE} OWNER TO {account}",
        )
    else:
        findings.ok(RIGHTS, "all that a recorder needs")
