"""What docs/operations.md tells to do, done."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.support.harness import eventually
from tests.support.stack import PATIENCE_S, Stack
from tests.support.strangers import Client, Refused

RENEW_ROLES = ["psql", "-Xq", "-d", "homeauto", "-f", "/docker-entrypoint-initdb.d/roles.sql"]


def test_a_backup_is_restored_and_compared_and_can_take_the_databases_place(
    stack: Stack, tmp_path: Path
) -> None:
    file = tmp_path / "one.dump"
    said = stack.tool("tools/backup.sh", str(file))
    kept = int(re.findall(r"^battery_pack\|(\d+)$", said, re.MULTILINE)[0])
    assert 0 < kept <= stack.rows()
    assert file.stat().st_mode & 0o077 == 0, "others can read the backup"
    first = stack.sql("SELECT min(insert_time_utc) FROM battery_pack")

    stack.sql("DELETE FROM battery_pack")
    stack.tool("tools/restore.sh", str(file))
    assert stack.rows() >= kept
    assert stack.sql("SELECT min(insert_time_utc) FROM battery_pack") == first
    stack.wait_for_new_rows()
    left = stack.sql("SELECT count(*) FROM pg_database WHERE datname LIKE 'backup_check%'")
    assert left == "0"


def test_a_dump_that_is_not_whole_is_no_backup(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "none.dump"
    # A table whose rows the dump cannot hold: it is the file system's own.
    stack.sql("CREATE TABLE unreadable (n int); INSERT INTO unreadable VALUES (1)")
    path = stack.sql("SELECT pg_relation_filepath('unreadable')")
    stack.sql("CHECKPOINT")
    stack.execute("postgres", "rm", f"/var/lib/postgresql/data/{path}")
    stack.compose("restart", "postgres")
    eventually(lambda: stack.health("postgres") == "healthy", timeout_s=PATIENCE_S)
    try:
        with pytest.raises(AssertionError):
            stack.tool("tools/backup.sh", str(file))
        assert not list(tmp_path.iterdir())
    finally:
        stack.sql("DROP TABLE unreadable")
    stack.wait_for_new_rows()


def test_a_new_password_for_home_assistant(stack: Stack, port: int) -> None:
    old = stack.secret("homeassistant")
    stack.compose("run", "--rm", "secrets", "renew", "homeassistant")
    stack.compose("restart", "mosquitto")
    eventually(lambda: stack.health("mosquitto") == "healthy", timeout_s=PATIENCE_S)
    new = stack.secret("homeassistant")
    assert new != old
    with Client(port, "homeassistant", new):
        pass
    with pytest.raises(Refused), Client(port, "homeassistant", old):
        pass


def test_new_passwords_for_the_services(stack: Stack) -> None:
    for name in ("collector", "recorder", "homeauto", "share-group"):
        stack.compose("run", "--rm", "secrets", "renew", name)
    stack.compose("exec", "-T", "postgres", *RENEW_ROLES)
    stack.compose("restart", "mosquitto", "collector", "recorder")
    stack.wait_for_new_rows()


def test_a_password_of_ones_own(stack: Stack, port: int) -> None:
    setting = ("run", "--rm", "-T", "secrets", "set", "homeassistant")
    with pytest.raises(AssertionError, match="without a colon"):
        stack.compose(*setting, stdin="half:of it would count\n")
    with pytest.raises(AssertionError, match="no password came in"):
        stack.compose(*setting, stdin="")
    stack.compose(*setting, stdin="with blanks, 'quotes' and $dollars\n")
    stack.compose("restart", "mosquitto")
    eventually(lambda: stack.health("mosquitto") == "healthy", timeout_s=PATIENCE_S)
    with Client(port, "homeassistant", "with blanks, 'quotes' and $dollars"):
        pass
    stack.compose("run", "--rm", "secrets", "renew", "homeassistant")
    stack.compose("restart", "mosquitto")


def test_an_unknown_account_is_refused_with_the_names_there_are(stack: Stack) -> None:
    with pytest.raises(AssertionError, match="there are: collector recorder homeassistant"):
        stack.compose("run", "--rm", "secrets", "show", "nobody")
