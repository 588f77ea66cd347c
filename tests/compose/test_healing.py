"""Restarts, kills and hangs: each service comes back by itself, and says how it is meanwhile."""

import re

import pytest
from tests.support.harness import eventually
from tests.support.stack import PATIENCE_S, Stack, run, send_signal
from tests.support.strangers import Client

SERVICES = ["mosquitto", "postgres", "collector", "recorder"]


def all_healthy(stack: Stack) -> bool:
    return all(stack.health(service) == "healthy" for service in SERVICES)


def check(stack: Stack, service: str) -> tuple[int, str]:
    """The exit status and the words of a service's own health check, run now."""
    command = stack.inspect(service)["Config"]["Healthcheck"]["Test"][1:]
    done = run(["docker", "exec", stack.containers(service)[0], *command], check=False)
    return done.returncode, done.stdout.strip()


@pytest.mark.parametrize("service", [*SERVICES, "battery"])
def test_a_restart_heals(stack: Stack, service: str, facts: list[str]) -> None:
    stack.compose("restart", service)
    facts.append(f"restart {service}: recording again after {stack.wait_for_new_rows():.0f} s")
    eventually(lambda: all_healthy(stack), timeout_s=PATIENCE_S)


@pytest.mark.parametrize("service", [*SERVICES, "battery"])
def test_a_kill_heals(stack: Stack, service: str, facts: list[str]) -> None:
    before = stack.inspect(service)
    send_signal(before["State"]["Pid"], "SIGKILL")
    facts.append(f"kill -9 {service}: recording again after {stack.wait_for_new_rows():.0f} s")
    eventually(lambda: all_healthy(stack), timeout_s=PATIENCE_S)
    after = stack.inspect(service)
    assert after["Id"] == before["Id"]
    assert after["RestartCount"] > before["RestartCount"]


def test_the_broker_keeps_what_is_retained_over_a_restart(stack: Stack, port: int) -> None:
    topic, password = "bluenova/0BADCAFE/availability", stack.secret("collector")
    with Client(port, "collector", password) as collector:
        assert collector.may_publish(topic, "offline", retain=True)
    stack.compose("restart", "mosquitto")
    eventually(lambda: stack.health("mosquitto") == "healthy", timeout_s=PATIENCE_S)
    with Client(port, "homeassistant", stack.secret("homeassistant")) as onlooker:
        onlooker.subscribe(topic)
        eventually(lambda: topic in onlooker.topics, timeout_s=5)
    with Client(port, "collector", password) as collector:
        assert collector.may_publish(topic, "", retain=True)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("head -c $(stat -c %s $db) /dev/zero", id="as many zero bytes"),
        pytest.param("head -c 10 $db", id="only its beginning"),
        pytest.param("head -c $(($(stat -c %s $db) / 2 - 5)) $db", id="only its first half"),
        pytest.param("head -c 15 $db; head -c 5000 /dev/zero", id="a good beginning, then zeros"),
    ],
)
def test_a_broker_file_that_a_power_cut_damaged_is_set_aside(
    stack: Stack, port: int, damage: str
) -> None:
    with Client(port, "collector", stack.secret("collector")) as collector:
        # Long enough that the file's middle is in the middle of a message.
        assert collector.may_publish("bluenova/0BADCAFE/status", "x" * 100_000, retain=True)
    stack.compose("restart", "mosquitto")  # writes the file
    script = f"""
        cd /mosquitto/data && db=mosquitto.db && rm -f $db.damaged-*
        {{ {damage}; }} >/mosquitto/log/damaged && cat /mosquitto/log/damaged >$db
        cksum <$db"""
    damaged = stack.execute("mosquitto", "sh", "-c", script)
    before = stack.inspect("mosquitto")["State"]
    send_signal(before["Pid"], "SIGKILL")  # as in a power cut, the broker writes no other

    stack.wait_for_new_rows()
    eventually(lambda: all_healthy(stack), timeout_s=PATIENCE_S)
    said = stack.compose("logs", "--since", before["StartedAt"], "mosquitto")
    assert "ERROR: The broker cannot read /mosquitto/data/mosquitto.db" in said
    kept = "cat /mosquitto/data/mosquitto.db.damaged-* | cksum"
    assert stack.execute("mosquitto", "sh", "-c", kept) == damaged


def test_a_health_check_tells_sickness_from_patience_and_from_a_battery_that_is_off(
    stack: Stack,
) -> None:
    stack.compose("stop", "postgres")
    eventually(lambda: "nothing committed" in check(stack, "recorder")[1], timeout_s=PATIENCE_S)
    stack.compose("stop", "battery")
    hanging = stack.inspect("collector")["State"]["Pid"]
    send_signal(hanging, "SIGSTOP")
    try:
        eventually(lambda: check(stack, "collector")[0] == 1, timeout_s=PATIENCE_S)
        assert check(stack, "collector")[1].startswith("sick: hangs for 3")
    finally:
        send_signal(hanging, "SIGCONT")
    eventually(lambda: check(stack, "collector") == (0, "healthy"), timeout_s=PATIENCE_S)

    # Half a minute without the database, and a moment without the broker, are no sickness.
    stack.compose("stop", "mosquitto")
    eventually(lambda: "no broker" in check(stack, "collector")[1], timeout_s=PATIENCE_S)
    for service in ("collector", "recorder"):
        status, told = check(stack, service)
        assert (status, told[:9]) == (0, "healthy ("), told

    # More than two minutes are. The battery was off for all this time, and nobody says so.
    eventually(lambda: check(stack, "recorder")[0] == 1, timeout_s=180)
    assert re.search(r"sick: .*nothing committed for 12\d s", check(stack, "recorder")[1])
    eventually(lambda: check(stack, "collector")[0] == 1, timeout_s=180)
    assert re.fullmatch(r"sick: no broker for 12\d s", check(stack, "collector")[1])

    stack.compose("start", "mosquitto", "postgres", "battery")
    stack.wait_for_new_rows(timeout_s=150)
    eventually(lambda: all_healthy(stack), timeout_s=PATIENCE_S)
