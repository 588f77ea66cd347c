"""The start: in the order of health, small, and with rows at its end."""

import json
import os
from pathlib import Path

import pytest
from tests.support.stack import Stack, docker

from bluenova_tools.local import free_port

MB = 1_000_000
SERVICES = ["mosquitto", "postgres", "collector", "recorder", "dashboard"]
OURS = ["collector", "recorder", "dashboard"]


def test_rows_arrive_without_anything_set(stack: Stack) -> None:
    assert stack.rows("mcu_id = x'1A2B3C4D'::bigint AND soc BETWEEN 0 AND 100") > 0
    assert "BATTERY_HOST=battery" in stack.inspect("collector")["Config"]["Env"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_says_that_it_is_healthy(stack: Stack, service: str) -> None:
    assert stack.health(service) == "healthy"


@pytest.mark.parametrize(
    ("later", "earlier"),
    [("collector", "mosquitto"), ("recorder", "mosquitto"), ("recorder", "postgres")],
)
def test_a_service_starts_when_those_it_needs_are_healthy(
    stack: Stack, later: str, earlier: str
) -> None:
    checks = stack.inspect(earlier)["State"]["Health"]["Log"]
    first_good = min(check["End"] for check in checks if check["ExitCode"] == 0)
    # As text: both are UTC, in one format.
    assert stack.inspect(later)["State"]["StartedAt"][:23] >= first_good[:23]


@pytest.mark.parametrize("service", OURS)
def test_an_image_adds_less_than_90_mb_to_its_base(
    stack: Stack, facts: list[str], service: str
) -> None:
    def size(image: str) -> int:
        return int(json.loads(docker("image", "inspect", image))[0]["Size"])

    added = size(f"bluenova-{service}") - size("python:3.13-slim")
    facts.append(f"{service}: {added / MB:.0f} MB on top of python:3.13-slim")
    assert added < 90 * MB


@pytest.mark.parametrize("service", OURS)
def test_an_idle_service_needs_less_than_70_mb_of_memory(
    stack: Stack, facts: list[str], service: str
) -> None:
    container = stack.containers(service)[0]
    used = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", container).split("/")[0]
    facts.append(f"{service}: {used.strip()} of memory")
    assert used.strip().endswith("MiB")
    assert float(used.strip().removesuffix("MiB")) < 70


@pytest.mark.parametrize("service", [*OURS, "battery"])
def test_an_image_holds_no_compiler_no_tests_and_no_leavings(stack: Stack, service: str) -> None:
    # annotated_types/test_cases.py is a module of that library; its tests are elsewhere.
    script = r"""
        for tool in cc gcc g++ clang make ld as cargo git; do command -v $tool; done
        find / -xdev -path /proc -prune -o -path '*/cache/pip' -print -o -path /src -print \
            -o -name 'requirements*.txt' -print -o -name .git -print -o -name .env -print
        find /opt/bluenova -name tests -o -name pip -o -name 'hatchling*' \
            -o -name 'test_*' ! -path '*/annotated_types/*'
        true"""
    found = docker(
        "run", "--rm", "--user=0", "--entrypoint=sh", f"bluenova-{service}", "-c", script
    )
    assert found == ""


@pytest.mark.parametrize("service", OURS)
def test_an_image_carries_its_own_distribution_and_no_other(stack: Stack, service: str) -> None:
    folders = stack.execute(
        service, "sh", "-c", "ls -d /opt/bluenova/lib/*/site-packages/bluenova*"
    )
    names = {line.rpartition("/")[2] for line in folders.split() if "dist-info" not in line}
    assert names == {"bluenova_shared", f"bluenova_{service}"}


def test_the_demo_stays_out_of_a_real_batterys_system(stack: Stack) -> None:
    name, port = f"bluenova-test-{os.getpid()}-real", str(free_port())
    real = Stack(name, BATTERY_HOST="192.0.2.7", MQTT_PORT=port, COMPOSE_PROFILES="")
    # As from a second clone, which has no .env.
    demo = real.variant(BATTERY_HOST="", COMPOSE_PROFILES="demo")
    try:
        real.compose("run", "--rm", "secrets")
        with pytest.raises(AssertionError, match="didn't complete successfully"):
            demo.compose("up", "--detach")
        said = demo.compose("logs", "secrets")
        assert "reads the battery at 192.0.2.7, but BATTERY_HOST is not set" in said
        assert demo.inspect("collector")["State"]["Status"] == "created"
        assert demo.secret("homeassistant")
        real.compose("up", "--detach", "mosquitto")
    finally:
        demo.down()


@pytest.mark.parametrize("folder", ["/var/lib/postgresql/data", "/var/lib/postgresql"])
def test_data_where_it_used_to_be_is_not_passed_over_for_an_empty_database(
    stack: Stack, tmp_path: Path, folder: str
) -> None:
    # As in a user's docker-compose.override.yml of before, with the data on another disk.
    override = tmp_path / "override.yml"
    override.write_text(f"services: {{postgres: {{volumes: ['{tmp_path}:{folder}']}}}}")
    theirs = Stack(f"bluenova-test-{os.getpid()}-moved", override, MQTT_PORT=str(free_port()))
    try:
        with pytest.raises(AssertionError, match=f"Duplicate mount point: {folder}"):
            theirs.compose("up", "--detach", "postgres")
    finally:
        theirs.down()
