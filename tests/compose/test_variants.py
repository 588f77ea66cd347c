"""More batteries, more recorders, TLS, and what a user has already in place of ours."""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.harness import eventually
from tests.support.stack import PATIENCE_S, ROOT, Stack, docker, run, send_signal
from tests.support.strangers import Client

from bluenova_tools.local import free_port

SECOND_SIMULATOR = """
  battery2:
    extends: {file: docker-compose.yml, service: battery}
    command: [bluenova-simulator, --host, 0.0.0.0, --mcu-id, 2B3C4D5E]
"""


def test_a_second_battery_takes_one_command(stack: Stack, tmp_path: Path) -> None:
    made = run(
        [str(ROOT / "tools" / "batteries.sh"), "--print", "garage=battery2:9000"], folder=tmp_path
    )
    override = tmp_path / "override.yml"
    override.write_text(made.stdout + SECOND_SIMULATOR)
    both = stack.variant(COMPOSE_FILE=f"docker-compose.yml:{override}")
    both.up("--no-recreate")
    second = "mcu_id = x'2B3C4D5E'::bigint"
    eventually(lambda: stack.rows(second) > 2, timeout_s=PATIENCE_S)
    assert both.health("collector-garage") == "healthy"
    stack.wait_for_new_rows()
    both.compose("rm", "--stop", "--force", "collector-garage", "battery2")


def test_two_recorders_share_the_work(stack: Stack) -> None:
    stack.up("--no-recreate", "--scale", "recorder=2")
    recorders = stack.containers("recorder")
    assert len(recorders) == 2
    for killed in recorders:
        pid = int(docker("inspect", "--format", "{{.State.Pid}}", killed))
        send_signal(pid, "SIGKILL")
        stack.wait_for_new_rows()
    twice = "SELECT count(*) - count(DISTINCT (mcu_id, insert_time_utc)) FROM battery_pack"
    assert stack.sql(twice) == "0"
    stack.up("--no-recreate", "--scale", "recorder=1")


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """An authority and a server's certificate, made as docs/operations.md says."""
    folder = tmp_path / "certs"
    folder.mkdir()

    def make(name: str, subject: str, *options: str) -> None:
        new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"]
        files = ["-keyout", f"{name}.key", "-out", f"{name}.crt"]
        run([*new, "-subj", subject, *files, *options], folder=folder)

    make("ca", "/CN=my home")
    names = "subjectAltName=DNS:localhost,DNS:host.docker.internal,IP:127.0.0.1"
    make("server", "/CN=broker", "-addext", names, "-addext", "basicConstraints=critical,CA:FALSE",
         "-CA", "ca.crt", "-CAkey", "ca.key")  # fmt: skip
    return folder


def test_certificates_turn_the_hosts_port_to_tls(
    stack: Stack, port: int, certificates: Path
) -> None:
    password = stack.secret("homeassistant")
    with_tls = stack.variant(MQTT_CERTS=str(certificates))
    with_tls.up()
    with_tls.compose("restart", "mosquitto")
    try:
        eventually(lambda: with_tls.health("mosquitto") == "healthy", timeout_s=PATIENCE_S)
        trust = ssl.create_default_context(cafile=certificates / "ca.crt")
        with Client(port, "homeassistant", password, trust) as client:
            client.subscribe("bluenova/+/snapshot")
            eventually(lambda: bool(client.topics), timeout_s=PATIENCE_S)
        with pytest.raises(ssl.SSLCertVerificationError):
            Client(port, "homeassistant", password, ssl.create_default_context()).__enter__()
        with pytest.raises(OSError), Client(port, "homeassistant", password):  # noqa: PT011  # in clear there is no answer, whichever way
            pass
        stack.wait_for_new_rows()
    finally:
        stack.up()
        stack.compose("restart", "mosquitto")
    eventually(lambda: stack.health("mosquitto") == "healthy", timeout_s=PATIENCE_S)
    with Client(port, "homeassistant", password):
        pass


@contextmanager
def another_stack(name: str, **settings: str) -> Iterator[Stack]:
    stack = Stack(
        f"bluenova-test-{os.getpid()}-{name}",
        f"docs/compose/existing-{name}.yml",
        INTERVAL="1",
        **settings,
    )
    try:
        yield stack
    finally:
        docker("rm", "--force", "--volumes", f"{stack.name}-existing", check=False)
        stack.down()


# The files are read by the broker's own user, whoever the tests run as.
THEIR_BROKER = """
    cp -r /theirs/. /tmp && cd /tmp && mosquitto_passwd -U passwords
    printf 'listener 1999\\npassword_file /tmp/passwords\\nacl_file /tmp/acl\\n' >conf
    exec mosquitto -c conf
"""


def test_a_broker_that_is_there_already(stack: Stack, tmp_path: Path) -> None:
    with another_stack("broker", MQTT_HOST="their-broker", MQTT_PORT="1999") as ours:
        assert "mosquitto" not in ours.compose("config", "--services").split()
        ours.compose("up", "--detach")
        accounts = [f"{name}:{ours.secret(name)}\n" for name in ("collector", "recorder")]
        (tmp_path / "passwords").write_text("".join(accounts))
        (tmp_path / "acl").write_text((ROOT / "mosquitto" / "acl").read_text())
        for path in (tmp_path, *tmp_path.iterdir()):
            path.chmod(0o755)
        docker(
            *("run", "--detach", "--name", f"{ours.name}-existing", "--user=1883:1883"),
            *("--network", f"{ours.name}_default", "--network-alias=their-broker"),
            *("--volume", f"{tmp_path}:/theirs:ro", "--entrypoint=sh"),
            *("eclipse-mosquitto:2", "-c", THEIR_BROKER),
        )
        ours.wait_for_new_rows()
        eventually(lambda: ours.health("recorder") == "healthy", timeout_s=PATIENCE_S)


# On the host's own network, with TLS; as root first, for the key's owner.
THEIR_POSTGRES = """
    cp /theirs/server.* /tmp && chown postgres /tmp/server.* && chmod 600 /tmp/server.key
    exec docker-entrypoint.sh postgres -c ssl=on \\
        -c ssl_cert_file=/tmp/server.crt -c ssl_key_file=/tmp/server.key
"""


def test_a_database_on_this_machine_whose_certificate_is_checked(
    stack: Stack, certificates: Path
) -> None:
    port = str(free_port())
    where = {"PGHOST": "host.docker.internal", "PGPORT": port, "MQTT_PORT": str(free_port())}
    (certificates / "pg.crt").write_text((certificates / "ca.crt").read_text())
    # The broker of this stack is to speak no TLS: it is not what is tested.
    theirs = certificates.parent / "theirs"
    theirs.mkdir()
    for name in ("server.crt", "server.key"):
        (certificates / name).rename(theirs / name)
    tls = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/certs/pg.crt"}
    with another_stack("postgres", **where, **tls, MQTT_CERTS=str(certificates)) as ours:
        docker(
            *("run", "--detach", "--name", f"{ours.name}-existing", "--network=host"),
            f"--env=PGPORT={port}",
            *("--env=POSTGRES_USER=homeauto", "--env=POSTGRES_PASSWORD=their own"),
            *("--volume", f"{theirs}:/theirs:ro", "--entrypoint=sh"),
            *("postgres:17", "-c", THEIR_POSTGRES),
        )
        ours.compose("run", "--rm", "-T", "secrets", "set", "homeauto", stdin="their own\n")
        ours.up()

        def sql(query: str) -> str:
            psql = ["psql", "-XqAt", "-h", "127.0.0.1", "-p", port, "-U", "homeauto", "-c", query]
            done = run(["docker", "exec", f"{ours.name}-existing", *psql], check=False)
            return done.stdout.strip()

        rows = "SELECT count(*) FROM battery_pack"
        eventually(lambda: int(sql(rows) or 0) > 2, timeout_s=PATIENCE_S)
        sessions = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
        recorders = f"{sessions} WHERE application_name = 'bluenova-recorder'"
        assert sql(recorders) == "t"

        # Another authority's word is not enough.
        run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=other",
             "-keyout", "/dev/null", "-out", "pg.crt"], folder=certificates)  # fmt: skip
        ours.compose("restart", "recorder")
        said = ("logs", "--since", "1m", "recorder")
        eventually(lambda: "certificate verify failed" in ours.compose(*said), timeout_s=PATIENCE_S)


def test_a_database_that_is_there_already(stack: Stack) -> None:
    with another_stack("postgres", PGHOST="their-postgres", MQTT_PORT=str(free_port())) as ours:
        assert "postgres" not in ours.compose("config", "--services").split()
        theirs = f"{ours.name}-existing"
        ours.compose("up", "--detach", "mosquitto", "battery")
        docker(
            *("run", "--detach", "--name", theirs, "--env=POSTGRES_USER=homeauto"),
            *("--network", f"{ours.name}_default", "--network-alias=their-postgres"),
            *("--env=POSTGRES_PASSWORD=their own", "postgres:17"),
        )
        ours.compose("run", "--rm", "-T", "secrets", "set", "homeauto", stdin="their own\n")

        def sql(query: str) -> str:
            psql = ["psql", "-XqAt", "-h", "127.0.0.1", "-U", "homeauto", "-c", query]
            return run(["docker", "exec", theirs, *psql], check=False).stdout.strip()

        eventually(lambda: sql("SELECT 1") == "1", timeout_s=PATIENCE_S)
        # The C program's table, with a row of its own.
        table = (ROOT / "sql" / "001_battery_pack.sql").read_text().partition("CREATE INDEX")[0]
        sql(table)
        sql("INSERT INTO battery_pack (insert_time_utc, mcu_id) VALUES ('2024-05-06 07:08:09', 1)")
        ours.up()
        eventually(
            lambda: int(sql("SELECT count(*) FROM battery_pack") or 0) > 2, timeout_s=PATIENCE_S
        )
        assert sql("SELECT count(*) FROM battery_pack WHERE mcu_id = 1") == "1"
