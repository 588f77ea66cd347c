"""What a service could do if it were taken over, and what its neighbours can reach."""

import json

import pytest
from tests.support.stack import Stack, docker, python_in_container, run

RUNNING = ["mosquitto", "postgres", "collector", "recorder", "dashboard", "battery"]
# The ports on which a container may hear anything from outside it.
LISTENING = {
    "mosquitto": {1883, 1884},
    "postgres": {5432},
    "collector": set[int](),
    "recorder": set[int](),
    "dashboard": {8080},
    "battery": {9000},
}


@pytest.mark.parametrize("service", [*RUNNING, "secrets"])
def test_the_engine_confines_it(stack: Stack, service: str) -> None:
    known = stack.inspect(service)
    host = known["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert not host["Privileged"]
    assert 0 < host["Memory"] <= 512 * 2**20
    assert host["PidsLimit"] == 100
    assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
    if service == "secrets":
        # The one that is root for a moment: without a network, and it ends.
        assert host["CapAdd"] in (["CHOWN", "DAC_OVERRIDE"], ["CAP_CHOWN", "CAP_DAC_OVERRIDE"])
        assert host["NetworkMode"] == "none"
        assert known["State"]["Status"] == "exited"
        assert known["State"]["ExitCode"] == 0
    else:
        assert not host["CapAdd"]
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        assert known["Config"]["User"].partition(":")[0] not in ("", "0", "root")


@pytest.mark.parametrize("service", RUNNING)
def test_its_main_process_is_nobody_and_has_no_rights(stack: Stack, service: str) -> None:
    lines = stack.execute(service, "cat", "/proc/1/status").splitlines()
    status = {key: value.split() for key, _, value in (line.partition(":") for line in lines)}
    assert "0" not in status["Uid"]
    assert {status[key][0] for key in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == ["1"]


@pytest.mark.parametrize("service", RUNNING)
def test_it_cannot_write_to_its_own_system(stack: Stack, service: str) -> None:
    read_only = [
        mount["Destination"] for mount in stack.inspect(service)["Mounts"] if not mount["RW"]
    ]
    (container,) = stack.containers(service)
    for folder in ["", "/etc", "/usr/bin", *read_only]:
        # As root, so that it is the file system that refuses and not the file's owner.
        write = ["docker", "exec", "--user=0", container, "sh", "-c", f"echo >{folder}/probe"]
        refused = run(write, check=False)
        assert refused.returncode != 0
        assert "Read-only file system" in refused.stderr


def test_the_hosts_only_ports_are_on_loopback(stack: Stack, port: int) -> None:
    wanted = {
        "mosquitto": {"1884/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]},
        "dashboard": {
            "8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": stack.env["DASHBOARD_PORT"]}]
        },
    }
    for service in RUNNING:
        bound = stack.inspect(service)["HostConfig"]["PortBindings"] or {}
        assert bound == wanted.get(service, {})


@pytest.mark.parametrize("service", RUNNING)
def test_nothing_listens_that_is_not_meant_to(stack: Stack, service: str) -> None:
    tables = stack.execute(service, "cat", "/proc/net/tcp", "/proc/net/tcp6")
    loopback = ("0100007F", "0B00007F", "00000000000000000000000001000000")
    ports = set()
    for line in tables.splitlines():
        fields = line.split()
        address, _, number = fields[1].partition(":")
        if fields[3] == "0A" and address not in loopback:  # 0A is LISTEN
            ports.add(int(number, 16))
    assert ports == LISTENING[service]
    udp = stack.execute(service, "cat", "/proc/net/udp", "/proc/net/udp6").splitlines()
    bound = {line.split()[1].partition(":")[0] for line in udp if line.split()[3] == "07"}
    assert bound <= set(loopback)


REACHES = """
import socket
for host, port in {pairs}:
    try:
        socket.create_connection((host, port), timeout=2).close()
        print(host, port)
    except OSError:
        pass
"""


def reached(pairs: list[tuple[str, int]], *docker_options: str) -> set[tuple[str, int]]:
    """Which of the addresses take a connection from a container with these options."""
    said = python_in_container(REACHES.format(pairs=pairs), *docker_options)
    return {(host, int(number)) for host, number in map(str.split, said.splitlines())}


def every_address(stack: Stack) -> list[tuple[str, int]]:
    """All that listens anywhere in the stack, in each of its networks."""
    pairs = []
    for service in RUNNING:
        networks = stack.inspect(service)["NetworkSettings"]["Networks"].values()
        pairs += [(net["IPAddress"], one) for net in networks for one in LISTENING[service]]
    return pairs


def test_a_container_of_somebody_else_reaches_nothing(stack: Stack, port: int) -> None:
    (bridge,) = json.loads(docker("network", "inspect", "bridge"))
    gateway = bridge["IPAM"]["Config"][0]["Gateway"]
    assert reached([*every_address(stack), (gateway, port), (gateway, 5432)]) == set()


def test_a_container_on_the_batterys_network_reaches_no_database(stack: Stack) -> None:
    allowed = {(stack.address("mosquitto", "default"), one) for one in LISTENING["mosquitto"]}
    allowed.add((stack.address("battery", "default"), 9000))
    assert reached(every_address(stack), f"--network={stack.name}_default") == allowed


def test_a_container_on_the_recorders_network_reaches_the_broker_alone(stack: Stack) -> None:
    allowed = {(stack.address("mosquitto", "broker"), one) for one in LISTENING["mosquitto"]}
    assert reached(every_address(stack), f"--network={stack.name}_broker") == allowed


@pytest.mark.parametrize("service", ["recorder", "postgres"])
def test_there_is_no_way_from_the_data_to_the_outside(stack: Stack, service: str) -> None:
    routes = stack.execute(service, "cat", "/proc/net/route").splitlines()[1:]
    assert all(line.split()[1] != "00000000" for line in routes), "there is a default route"
