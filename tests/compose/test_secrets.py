"""Where the secrets are, and where they are not."""

import json

import pytest
from tests.support.stack import Stack, docker

NAMES = (
    "collector recorder homeassistant homeauto dashboard page grafana grafana-admin health postgres"
    " share-group"
).split()
# Which secrets a container can read, in clear.
SEES = {
    "mosquitto": {"health"},
    "postgres": {"postgres", "homeauto", "dashboard", "grafana"},
    "collector": {"collector"},
    "recorder": {"recorder", "share-group", "homeauto"},
    "dashboard": {"page", "dashboard"},
    "battery": set[str](),
}


@pytest.fixture(scope="module")
def secrets(stack: Stack) -> dict[str, str]:
    return {name: stack.secret(name) for name in NAMES}


def test_each_secret_is_random_and_used_once(secrets: dict[str, str]) -> None:
    assert len(set(secrets.values())) == len(NAMES)
    assert all(len(set(secret)) > 8 and len(secret) == 48 for secret in secrets.values())


@pytest.mark.parametrize("service", [*SEES, "secrets"])
def test_no_secret_is_in_what_the_engine_tells(
    stack: Stack, secrets: dict[str, str], service: str
) -> None:
    (container,) = stack.containers(service)
    image = stack.inspect(service)["Image"]
    told = (
        docker("inspect", container)
        + docker("logs", container)
        + docker("image", "inspect", image)
        + docker("history", "--no-trunc", image)
        + docker("top", container, check=False)
    )
    assert not [name for name, secret in secrets.items() if secret in told]


@pytest.mark.parametrize("service", SEES)
def test_a_container_sees_the_secrets_that_it_needs_and_no_other(
    stack: Stack, secrets: dict[str, str], service: str
) -> None:
    # As root with all rights, in all that is mounted, and in the environments of all processes.
    mounts = " ".join(mount["Destination"] for mount in stack.inspect(service)["Mounts"])
    script = (
        f"find {mounts} /tmp -xdev -type f -size -64k -exec cat {{}} +; cat /proc/[0-9]*/environ"
    )
    (container,) = stack.containers(service)
    seen = docker("exec", "--user=0", "--privileged", container, "sh", "-c", script, check=False)
    assert {name for name, secret in secrets.items() if secret in seen} == SEES[service]


@pytest.mark.parametrize("service", SEES)
def test_a_secret_file_is_for_its_owner_alone(stack: Stack, service: str) -> None:
    user = stack.inspect(service)["Config"]["User"].partition(":")[0]
    volumes = [
        mount["Destination"]
        for mount in stack.inspect(service)["Mounts"]
        if mount["Type"] == "volume" and not mount["RW"]
    ]
    for folder in volumes:
        files = stack.execute(
            service, "find", folder, "-type", "f", "-exec", "stat", "-c", "%a %u", "{}", "+"
        )
        assert set(files.splitlines()) == {f"400 {user}"}


def test_an_image_takes_no_env_file_along(stack: Stack) -> None:
    history = json.dumps(docker("history", "--no-trunc", "bluenova-collector"))
    assert "PASSWORD=" not in history
