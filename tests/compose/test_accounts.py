"""Who may do what: each account at the broker on each topic, both ways, and in the database."""

import queue
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from paho.mqtt.client import topic_matches_sub
from tests.support.stack import ROOT, Stack, run
from tests.support.strangers import Client, Refused

ACCOUNTS = ["collector", "recorder", "homeassistant"]
MCU = "0BADCAFE"  # no battery of the demo's
# Each topic with who may publish to it and who may receive it.
TOPICS: dict[str, tuple[set[str], set[str]]] = {
    f"bluenova/{MCU}/snapshot": ({"collector"}, {"recorder", "homeassistant"}),
    f"bluenova/{MCU}/availability": ({"collector"}, {"homeassistant"}),
    f"bluenova/{MCU}/status": ({"collector"}, {"homeassistant"}),
    f"bluenova/{MCU}/backlog": ({"collector"}, {"recorder"}),
    f"bluenova/{MCU}/recorded": ({"recorder"}, {"collector"}),
    "bluenova/recorder": ({"recorder"}, {"collector"}),
    "bluenova/collector/probe": ({"collector"}, {"collector", "homeassistant"}),
    "homeassistant/device/probe/config": ({"collector"}, {"collector", "homeassistant"}),
    "homeassistant/status": ({"homeassistant"}, {"collector", "homeassistant"}),
    # What nobody has a line for.
    "bluenova": (set(), set()),
    f"bluenova/{MCU}/other": (set(), set()),
    f"bluenova/{MCU}/snapshot/below": (set(), set()),
    "bluenova/collector/probe/below": (set(), set()),
    "homeassistant/sensor/probe/config": (set(), set()),
    "somewhere/else": (set(), set()),
    "$SYS/broker/uptime": (set(), set()),
}


@pytest.fixture(scope="module")
def passwords(stack: Stack) -> dict[str, str]:
    return {name: stack.secret(name) for name in ACCOUNTS}


@pytest.fixture(scope="module")
def heard(stack: Stack, port: int, passwords: dict[str, str]) -> Iterator[dict[str, set[str]]]:
    """What each account receives that asks for everything, while all publish to everything."""
    with ExitStack() as clients:
        listeners = {}
        for name in ACCOUNTS:
            listeners[name] = clients.enter_context(Client(port, name, passwords[name]))
            listeners[name].subscribe("#", "$SYS/#", "bluenova/#", "homeassistant/#")
        for name in ACCOUNTS:
            with Client(port, name, passwords[name]) as writer:
                for topic in TOPICS:
                    writer.may_publish(topic)
        time.sleep(1)
        yield {name: set(client.topics) & set(TOPICS) for name, client in listeners.items()}


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("account", ACCOUNTS)
def test_publishing(
    port: int, passwords: dict[str, str], heard: dict[str, set[str]], account: str, topic: str
) -> None:
    writers, _ = TOPICS[topic]
    with Client(port, account, passwords[account]) as client:
        assert client.may_publish(topic) == (account in writers)


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("account", ACCOUNTS)
def test_receiving(heard: dict[str, set[str]], account: str, topic: str) -> None:
    _, readers = TOPICS[topic]
    assert (topic in heard[account]) == (account in readers)


def test_every_line_of_the_acl_has_its_case() -> None:
    account = ""
    for line in (ROOT / "mosquitto" / "acl").read_text().splitlines():
        words = line.split()
        if words[:1] == ["user"]:
            account = words[1]
        elif words[:1] == ["topic"] and account != "health":
            both = {"write": [0], "read": [1], "readwrite": [0, 1]}
            cases = [topic for topic in TOPICS if topic_matches_sub(words[2], topic)]
            for which in both[words[1]]:
                assert any(account in TOPICS[topic][which] for topic in cases), f"{account}: {line}"


def test_an_onlooker_cannot_take_the_recorders_share(
    stack: Stack, port: int, passwords: dict[str, str]
) -> None:
    password = passwords["homeassistant"]
    with Client(port, "homeassistant", password) as plain:
        with Client(port, "homeassistant", password) as thief:
            # The services' own default name; the recorders of this stack have a secret one.
            thief.subscribe("$share/bluenova-recorders/bluenova/+/snapshot")
            thief.subscribe("$share/bluenova-recorders/bluenova/+/backlog")
            plain.subscribe("bluenova/+/snapshot")
            time.sleep(6)
            stolen = list(thief.topics)
        # Within the recorders' group it would have got every other one.
        assert len(plain.topics) >= 4
        assert abs(len(stolen) - len(plain.topics)) <= 1
        assert not [topic for topic in stolen if topic.endswith("/backlog")]


@pytest.mark.parametrize(
    ("user", "password"),
    [
        pytest.param(None, None, id="anonymous"),
        pytest.param("", "", id="an empty name"),
        pytest.param("recorder", "wrong", id="a wrong password"),
        pytest.param("recorder", "", id="an empty password"),
        pytest.param("recorder", None, id="no password"),
        pytest.param("root", "root", id="an account that is not there"),
        pytest.param("health", "health", id="the health check's account"),
    ],
)
def test_the_broker_refuses(
    stack: Stack, port: int, user: str | None, password: str | None
) -> None:
    with pytest.raises(Refused), Client(port, user, password):
        pass


def test_a_password_opens_its_own_account_alone(port: int, passwords: dict[str, str]) -> None:
    with pytest.raises(Refused), Client(port, "recorder", passwords["homeassistant"]):
        pass


def test_a_message_beyond_the_limit_is_not_taken(
    stack: Stack, port: int, passwords: dict[str, str]
) -> None:
    with Client(port, "collector", passwords["collector"]) as client:
        assert client.may_publish(f"bluenova/{MCU}/status", "x" * 190_000)
        with pytest.raises(queue.Empty):  # the broker hangs up
            client.may_publish(f"bluenova/{MCU}/status", "x" * 200_000)


def test_strangers_who_take_all_connections_do_not_stop_the_recording(
    stack: Stack, port: int
) -> None:
    with ExitStack() as strangers:
        for _ in range(100):
            strangers.enter_context(socket.create_connection(("127.0.0.1", port)))
        stack.compose("restart", "collector")
        stack.wait_for_new_rows()


def ask_database(
    stack: Stack, user: str, password: str, *queries: str, database: str = "homeauto"
) -> str:
    """What psql says in a container beside the database, which is where dashboards are."""
    docker_run = ["docker", "run", "--rm", f"--network={stack.name}_database", "--env=PGPASSWORD"]
    psql = ["--entrypoint=psql", "postgres:17", "-XqAtw", "-h", "postgres", "-U", user]
    each = [word for query in queries for word in ("-c", query)]
    env = {**stack.env, "PGPASSWORD": password}
    done = run([*docker_run, *psql, "-d", database, *each], env=env, check=False)
    return done.stdout + done.stderr


def ask_as_dashboard(stack: Stack, *queries: str, database: str = "homeauto") -> str:
    return ask_database(stack, "dashboard", stack.secret("dashboard"), *queries, database=database)


def test_dashboards_read_the_table(stack: Stack) -> None:
    assert ask_as_dashboard(stack, "SELECT count(*) > 0 FROM battery_pack").strip() == "t"


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO battery_pack (mcu_id) VALUES (1)",
        "UPDATE battery_pack SET soc = 0",
        "DELETE FROM battery_pack",
        "TRUNCATE battery_pack",
        "DROP TABLE battery_pack",
        "CREATE TABLE mine (n int)",
        "CREATE TEMPORARY TABLE mine (n int)",
        "COPY battery_pack TO PROGRAM 'cat'",
        "SELECT pg_read_file('/docker-entrypoint-initdb.d/homeauto')",
        "SET ROLE homeauto",
        "ALTER ROLE dashboard SUPERUSER",
    ],
)
def test_dashboards_do_nothing_but_read(stack: Stack, query: str) -> None:
    # The role's own setting is no protection: whoever signs in may take it back.
    answer = ask_as_dashboard(stack, "SET default_transaction_read_only = off", query)
    assert "permission denied" in answer or "must be owner" in answer


def test_dashboards_see_no_other_database(stack: Stack) -> None:
    answer = ask_as_dashboard(stack, "SELECT 1", database="postgres")
    assert "permission denied for database" in answer


@pytest.mark.parametrize("user", ["postgres", "homeauto", "dashboard", "grafana"])
@pytest.mark.parametrize("password", ["", "wrong", "postgres"])
def test_the_database_refuses_who_has_no_password(stack: Stack, user: str, password: str) -> None:
    answer = ask_database(stack, user, password, "SELECT 1")
    assert "authentication failed" in answer or "no password supplied" in answer


def test_the_recorders_account_is_no_superuser(stack: Stack) -> None:
    query = "SELECT pg_read_file('/docker-entrypoint-initdb.d/postgres')"
    answer = ask_database(stack, "homeauto", stack.secret("homeauto"), query)
    assert "permission denied" in answer
