"""What docs/operations.md tells to do, done."""

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.harness import eventually
from tests.support.stack import PATIENCE_S, ROOT, Stack, documented, run
from tests.support.strangers import Client, Refused

RENEW_ROLES = ["psql", "-Xq", "-d", "homeauto", "-f", "/docker-entrypoint-initdb.d/roles.sql"]


@pytest.mark.parametrize("service", ["collector", "recorder"])
def test_a_check_finds_nothing_wrong(stack: Stack, service: str) -> None:
    stack.wait_for_new_rows()
    said = stack.compose("exec", "-T", service, f"bluenova-{service}", "check")  # its status is 0
    assert " 0 with a warning, 0 wrong, " in said.splitlines()[-1], said


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
    stack.execute("postgres", "rm", f"/database/{path}")
    stack.compose("restart", "postgres")
    eventually(lambda: stack.health("postgres") == "healthy", timeout_s=PATIENCE_S)
    try:
        with pytest.raises(AssertionError):
            stack.tool("tools/backup.sh", str(file))
        assert not list(tmp_path.iterdir())
    finally:
        stack.sql("DROP TABLE unreadable")
    stack.wait_for_new_rows()


def databases(stack: Stack) -> set[str]:
    return set(stack.sql("SELECT datname FROM pg_database").splitlines())


def test_the_major_upgrade_loses_no_row_while_the_battery_talks(
    stack: Stack, tmp_path: Path
) -> None:
    # From 17 to 17: no other version's image can be had everywhere.
    steps = documented("docs/operations.md", "major upgrade").replace("=18", "=17")
    settings, file = tmp_path / ".env", tmp_path / "before-upgrade.dump"
    steps = steps.replace("bluenova_", f"{stack.name}_").replace(".env", str(settings))
    steps = steps.replace("backups/before-upgrade.dump", str(file))
    stack.wait_for_new_rows()
    times = "SELECT insert_time_utc FROM battery_pack ORDER BY 1"
    had = stack.sql(times).splitlines()
    settings.touch()
    run(["bash", "-c", steps], env={**stack.env, "COMPOSE_ENV_FILES": str(settings)})
    assert settings.read_text() == "POSTGRES_VERSION=17\n"
    stack.wait_for_new_rows()
    assert set(had) <= set(stack.sql(times).splitlines())
    # Not even what was measured in between: the collector's interval is one second.
    newest = f"gap_from >= '{had[-1]}' AND gap_to IS NOT NULL"
    gaps = f"SELECT * FROM battery_pack_gaps WHERE {newest}"
    eventually(lambda: stack.sql(gaps) == "", timeout_s=PATIENCE_S)
    # The one that the new version began, empty.
    (before,) = sorted(name for name in databases(stack) if name.startswith("before_"))
    stack.compose("exec", "-T", "postgres", "dropdb", before)


def test_rows_left_in_a_database_of_before_can_be_added(stack: Stack, tmp_path: Path) -> None:
    stack.tool("tools/backup.sh", str(tmp_path / "old.dump"))
    known = databases(stack)
    stack.wait_for_new_rows()
    stack.tool("tools/restore.sh", str(tmp_path / "old.dump"))
    (before,) = databases(stack) - known
    psql = ["docker", "exec", stack.containers("postgres")[0], "psql", "-XqAt", "-d"]
    count = "SELECT count(*) FROM battery_pack WHERE insert_time_utc IN (%s)"
    left = run([*psql, before, "-c", "SELECT insert_time_utc FROM battery_pack"]).stdout.split("\n")
    times = ", ".join(f"TIMESTAMP '{time}'" for time in left if time)
    here = int(stack.sql(count % times))
    assert here < times.count("TIMESTAMP"), "nothing is left there alone"
    steps = documented("docs/operations.md", "rows left in before")
    run(["bash", "-c", steps.replace("before_20261123t141044z", before)], env=stack.env)
    assert int(stack.sql(count % times)) == times.count("TIMESTAMP")
    stack.compose("exec", "-T", "postgres", "dropdb", before)


def test_a_dump_of_the_c_programs_table_can_be_added(stack: Stack, tmp_path: Path) -> None:
    # With an owner that is not here, a time twice, and the table as the C program made it.
    table = (ROOT / "sql" / "001_battery_pack.sql").read_text().partition("CREATE INDEX")[0]
    insert = "INSERT INTO battery_pack (insert_time_utc, mcu_id, soc) VALUES"
    (container,) = stack.containers("postgres")
    exec_ = ["docker", "exec", "-i", container]
    run([*exec_, "createdb", "theirs"])
    sql = f"""{table}; CREATE ROLE pi; ALTER TABLE battery_pack OWNER TO pi;
        {insert} ('2024-05-06 07:08:01', 7, 50), ('2024-05-06 07:08:11', 7, 51),
                 ('2024-05-06 07:08:11', 7, 51), (NULL, 7, 52)"""
    run([*exec_, "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", "theirs"], stdin=sql)
    dump = "pg_dump --format=custom --no-owner --no-acl --table=battery_pack"
    assert f"{dump} homeauto >old.dump" in (ROOT / "docs" / "migrating.md").read_text()
    run(["bash", "-c", f"docker exec {container} {dump} theirs >{tmp_path}/old.dump"])
    run([*exec_, "dropdb", "theirs"])
    stack.sql("DROP ROLE pi")

    steps = documented("docs/migrating.md", "a dump of the old table")
    steps = f"set -e\n{steps}".replace("<old.dump", f"<{tmp_path}/old.dump")
    run(["bash", "-c", steps], env=stack.env)
    theirs = "SELECT insert_time_utc, soc FROM battery_pack WHERE mcu_id = 7 ORDER BY 1"
    rows = "2024-05-06 07:08:01|50\n2024-05-06 07:08:11|51\n|52"
    assert stack.sql(theirs) == rows
    stack.sql("DELETE FROM battery_pack WHERE mcu_id = 7")
    stack.wait_for_new_rows()


@pytest.fixture
def slow(stack: Stack) -> Iterator[None]:
    """A table that takes some seconds to dump and to restore."""
    stack.sql(
        "CREATE TABLE slow AS SELECT n, md5(n::text) AS a FROM generate_series(1, 500000) AS n;"
        "CREATE INDEX ON slow (a); CREATE INDEX ON slow (a, n); CREATE INDEX ON slow (n)"
    )
    yield
    stack.sql("DROP TABLE IF EXISTS slow")


def kill_midway(stack: Stack, how: signal.Signals, *command: str) -> None:
    """Signal the program while its database of its own is there."""
    known = databases(stack)
    # Under nohup, say, a program inherits that it ignores SIGHUP.
    heeding = ("env", "--default-signal=HUP", *command)
    with subprocess.Popen(heeding, env=stack.env, cwd=ROOT, stdin=subprocess.DEVNULL) as program:
        eventually(lambda: databases(stack) - known, timeout_s=PATIENCE_S)
        program.send_signal(how)
        assert program.wait(timeout=PATIENCE_S) != 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.usefixtures("slow")
def test_a_killed_backup_or_restore_leaves_nothing_behind(
    stack: Stack, tmp_path: Path, how: signal.Signals
) -> None:
    good = tmp_path / "good.dump"
    stack.tool("tools/backup.sh", str(good))
    known = databases(stack)
    kill_midway(stack, how, "tools/backup.sh", str(tmp_path / "killed.dump"))
    if how is not signal.SIGKILL:  # which leaves it no chance
        assert databases(stack) == known
        assert list(tmp_path.iterdir()) == [good]
    kill_midway(stack, how, "tools/restore.sh", str(good))
    if how is not signal.SIGKILL:
        assert databases(stack) == known
    # What one left that had no chance, the next removes.
    stack.tool("tools/backup.sh", str(good))
    assert databases(stack) == known
    assert list(tmp_path.iterdir()) == [good]
    stack.wait_for_new_rows()


def test_a_file_that_is_no_whole_dump_of_ours_changes_nothing(stack: Stack, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.dump", tmp_path / "cut.dump"
    stack.tool("tools/backup.sh", str(whole))
    cut.write_bytes(whole.read_bytes()[:-500])
    foreign = stack.execute("postgres", "pg_dump", "--format=custom", "postgres")
    (tmp_path / "foreign.dump").write_text(foreign, errors="surrogateescape")
    (tmp_path / "text.dump").write_text("SELECT 1;\n")
    known = databases(stack)
    for file in ("cut.dump", "foreign.dump", "text.dump", "none.dump"):
        with pytest.raises(AssertionError, match="Nothing was changed"):
            stack.tool("tools/restore.sh", str(tmp_path / file))
    assert databases(stack) == known


def test_a_dump_of_other_accounts_becomes_the_recorders(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "theirs.dump"
    stack.sql("CREATE ROLE stranger")
    stack.sql("CREATE TABLE theirs (n serial); ALTER TABLE theirs OWNER TO stranger")
    stack.sql("GRANT SELECT ON battery_pack TO stranger")
    stack.tool("tools/backup.sh", str(file))
    stack.sql("DROP TABLE theirs; REVOKE ALL ON battery_pack FROM stranger; DROP ROLE stranger")
    known = databases(stack)
    said = stack.tool("tools/restore.sh", str(file))
    assert "rights of accounts that this system does not have were left out" in said
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert stack.sql(owners) == "homeauto"
    stack.wait_for_new_rows()
    stack.sql("DROP TABLE theirs")
    (before,) = databases(stack) - known
    stack.compose("exec", "-T", "postgres", "dropdb", before)


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


def test_the_volume_of_the_passwords_may_be_lost(stack: Stack) -> None:
    old = {name: stack.secret(name) for name in ("homeauto", "collector", "homeassistant")}
    stack.compose("rm", "--force", "secrets")
    run(["docker", "volume", "rm", f"{stack.name}_secrets"])
    steps = documented("docs/operations.md", "lost passwords")
    run(["bash", "-c", f"set -e\n{steps}"], env=stack.env)
    assert all(stack.secret(name) != password for name, password in old.items())
    stack.wait_for_new_rows()


def test_a_password_of_ones_own(stack: Stack, port: int) -> None:
    setting = ("run", "--rm", "-T", "secrets", "set", "homeassistant")
    with pytest.raises(AssertionError, match="without a colon"):
        stack.compose(*setting, stdin="half:of it would count\n")
    with pytest.raises(AssertionError, match="no password came in"):
        stack.compose(*setting, stdin="")
    # As an editor of Windows writes it, with a byte order mark and CR.
    stack.compose(*setting, stdin="\ufeffwith blanks, 'quotes' and $dollars\r\n")
    stack.compose("restart", "mosquitto")
    eventually(lambda: stack.health("mosquitto") == "healthy", timeout_s=PATIENCE_S)
    with Client(port, "homeassistant", "with blanks, 'quotes' and $dollars"):
        pass
    stack.compose("run", "--rm", "secrets", "renew", "homeassistant")
    stack.compose("restart", "mosquitto")


def test_an_unknown_account_is_refused_with_the_names_there_are(stack: Stack) -> None:
    with pytest.raises(AssertionError, match="there are: collector recorder homeassistant"):
        stack.compose("run", "--rm", "secrets", "show", "nobody")
