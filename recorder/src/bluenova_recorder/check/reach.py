"""Whether the database lets us in; of what libpq says, what it means and how to mend it."""

import re

import psycopg2
from psycopg2 import extensions as pg

from bluenova_recorder.account import Account
from bluenova_recorder.cures import reason_of
from bluenova_shared.check.result import Findings

REACHABLE, ACCOUNT = "database reachable", "database account"

_START = "Start the database (docker compose up -d postgres), or "
_LET_IN = (
    "Set PGUSER and PGPASSWORD_FILE to an account of the database's. With docker-compose.yml: "
    "docker compose run --rm secrets renew homeauto && docker compose exec postgres psql -Xq "
    "-d homeauto -f /docker-entrypoint-initdb.d/roles.sql && docker compose restart recorder"
)
# libpq gives no codes here: its words, and whether they mean that something answered.
_MEANINGS: list[tuple[str, bool, str]] = [
    (
        "could not translate host name|not known|No address",
        False,
        "Set PGHOST to a name that this machine knows, or to an address. Try: getent hosts NAME",
    ),
    ("Connection refused|No such file", False, _START + "check PGHOST and PGPORT"),
    (
        "timeout expired|timed out|No route|unreachable",
        False,
        "Check PGHOST and PGPORT, and whether a firewall is in between",
    ),
    ("certificate verify failed|root certificate|host name .* does not match|server certificate",
     False, "Set PGSSLROOTCERT to the file with the authority that signed the database's "
     "certificate, and PGHOST to a name that is in it; or set PGSSLMODE=require"),
    ("does not support SSL", False, "Set PGSSLMODE=prefer, or switch TLS on in the database"),
    ("starting up|shutting down|recovery", False, "Wait until it is up; see: docker compose ps"),
    ("password authentication failed|no password supplied|SASL|authentication failed|auth failed",
     True, _LET_IN),
    ("role .* does not exist|no such user", True, _LET_IN),
    (
        "no pg_hba.conf entry",
        True,
        "Let this account and this address in, in the server's pg_hba.conf (docs/operations.md), "
        "then: SELECT pg_reload_conf()",
    ),
    (
        'database ".*" does not exist|no such database',
        True,
        "Set PGDATABASE to a database that is there, or make it: createdb -E UTF8 -T template0 "
        "homeauto",
    ),
    ("permission denied for database|CONNECT", True, "GRANT CONNECT ON DATABASE ... TO ..."),
    (
        "too many (clients|connections)|connection slots|max_client_conn",
        True,
        "Raise max_connections in postgresql.conf (in PgBouncer max_client_conn), and restart it",
    ),
]  # fmt: skip
_OTHERWISE = "Check PGHOST, PGPORT, PGDATABASE, PGUSER and PGPASSWORD_FILE"
# psycopg2 connects with what this is the least of: older servers lack what the tables need.
OLDEST_VERSION = 110000


def connect(findings: Findings, account: Account) -> pg.connection | None:
    """Adds both results; returns the connection if there is one, for reading alone. Blocks."""
    try:
        db = account.connect()
    except psycopg2.Error as error:
        _judge(findings, reason_of(error))
        return None
    about = db.info
    version = about.server_version
    where = f"{about.dbname} at {about.host}:{about.port}"
    if version < OLDEST_VERSION:
        findings.wrong(
            REACHABLE,
            f"{where} is PostgreSQL {version // 10000}, which is too old",
            "Use PostgreSQL 11 or newer: docs/operations.md tells how to move: Upgrade",
        )
        db.close()
        return None
    tls = ", over TLS" if about.ssl_in_use else ""
    findings.ok(REACHABLE, f"{where}, PostgreSQL {version // 10000}{tls}")
    findings.ok(ACCOUNT, f"let in as {about.user}")
    db.set_session(readonly=True)
    return db


def _judge(findings: Findings, said: str) -> None:
    for words, answers, cure in _MEANINGS:
        if re.search(words, said):
            if answers:
                findings.ok(REACHABLE, "it answers")
            findings.wrong(ACCOUNT if answers else REACHABLE, said, cure)
            return
    findings.wrong(REACHABLE, said, _OTHERWISE)
