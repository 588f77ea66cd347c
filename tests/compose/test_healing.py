"""Restarts, kills and hangs: each service comes back by itself, and says how it is meanwhile."""

from __future__ import annotations

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
