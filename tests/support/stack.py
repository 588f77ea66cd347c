"""The whole system in the real engine, driven from outside the containers."""

import json
import os
import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.harness import eventually

from bluenova_tools.local import free_port

ROOT = Path(__file__).parents[2]
# Any image with Python in it, to look at things from a container of our own.
PYTHON_IMAGE = "bluenova-battery"
# How long we wait for containers to do as they should.
PATIENCE_S = 90


_MARKED = re.compile(r"<!-- run by tests/compose: ([^\n]+) -->\n```sh\n(.*?)^```$", re.M | re.S)


def documented(document: str, name: str) -> str:
    """The shell commands that a document marks with that name."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return str(dict(_MARKED.findall(text))[name])


def run(
    command: Sequence[str | Path],
    *,
    stdin: str = "",
    env: dict[str, str] | None = None,
    timeout_s: float = 300,
    check: bool = True,
    folder: Path = ROOT,
) -> subprocess.CompletedProcess[str]:
    """Run a program; if `check` is set, a failure shows what it said."""
    done = subprocess.run(
        command,
        input=stdin,
        env=env,
        cwd=folder,
        timeout=timeout_s,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def docker(*arguments: str, stdin: str = "", check: bool = True) -> str:
    """What a docker command printed."""
    return run(["docker", *arguments], stdin=stdin, check=check).stdout


def python_in_container(script: str, *docker_options: str) -> str:
    """What a script printed in a container of its own, which shares nothing by default."""
    return docker(
        "run", "--rm", *docker_options, "--entrypoint", "python", PYTHON_IMAGE, "-c", script
    )


def send_signal(pid: int, name: str) -> None:
    """Signal a process of the host through the engine, so that the tests need not be root."""
    python_in_container(
        f"import os, signal; os.kill({pid}, signal.{name})",
        "--pid=host", "--user=0:0", "--cap-drop=ALL", "--cap-add=KILL",
    )  # fmt: skip


class Stack:
    """A compose project of its own: `settings` are what a user has in .env."""

    def __init__(self, name: str, *files: Path | str, **settings: str) -> None:
        self.name = name
        # Nothing of the developer's own .env, override file or COMPOSE_… variables.
        kept = {key: value for key, value in os.environ.items() if key in {"PATH", "HOME"} | DOCKER}
        self.env = {
            **kept,
            "COMPOSE_PROJECT_NAME": name,
            "COMPOSE_FILE": ":".join(["docker-compose.yml", *map(str, files)]),
            "COMPOSE_ENV_FILES": "/dev/null",
            "COMPOSE_PROFILES": "demo",
            "DASHBOARD_PORT": str(free_port()),
            **settings,
        }

    def variant(self, **settings: str) -> "Stack":
        """The same project with other settings."""
        return Stack(self.name, **{**self.env, **settings})

    def tool(self, *command: str, stdin: str = "") -> str:
        """What a program of the repository printed, run as its user would."""
        return run(command, stdin=stdin, env=self.env).stdout

    def compose(self, *arguments: str, stdin: str = "") -> str:
        """What a `docker compose` command printed."""
        return self.tool("docker", "compose", *arguments, stdin=stdin)

    def up(self, *arguments: str) -> float:
        """Start it, and return after how many seconds all of it was healthy."""
        began_s = time.monotonic()
        self.compose("up", "--detach", "--wait", *arguments)
        return time.monotonic() - began_s

    def down(self) -> None:
        """Remove all that it left behind, volumes included."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")

    def containers(self, service: str = "") -> list[str]:
        """The ids of the containers, ended ones included."""
        return self.compose("ps", "--all", "--quiet", *([service] if service else [])).split()

    def inspect(self, service: str) -> dict[str, Any]:
        """What the engine knows of the service's first container."""
        (known,) = json.loads(docker("inspect", self.containers(service)[0]))
        assert isinstance(known, dict)
        return known

    def health(self, service: str) -> str:
        """Starting, healthy or unhealthy; or the container's state if it does not run."""
        state = self.inspect(service)["State"]
        return str(state["Health"]["Status"] if state["Running"] else state["Status"])

    def address(self, service: str, network: str) -> str:
        """The container's address in one of the project's networks."""
        networks = self.inspect(service)["NetworkSettings"]["Networks"]
        return str(networks[f"{self.name}_{network}"]["IPAddress"])

    def execute(self, service: str, *command: str, check: bool = True) -> str:
        """What a command printed within the service's container."""
        container = self.containers(service)[0]
        done = run(["docker", "exec", container, *command], check=check)
        return done.stdout + done.stderr

    def sql(self, query: str) -> str:
        """What the superuser gets for it, values apart by `|`."""
        return self.execute("postgres", "psql", "-XqAt", "-d", "homeauto", "-c", query).strip()

    def rows(self, where: str = "true") -> int:
        """The rows in the table; none while there is no table or no database."""
        try:
            return int(self.sql(f"SELECT count(*) FROM battery_pack WHERE {where}"))
        except AssertionError:
            return 0

    def wait_for_new_rows(self, *, timeout_s: float = PATIENCE_S) -> float:
        """Wait for a row that is measured from now on, and return how long that took."""
        now = docker("run", "--rm", "--entrypoint", "date", PYTHON_IMAGE, "-u", "+%F %T").strip()
        newer = f"insert_time_utc > TIMESTAMP '{now}'"
        began_s = time.monotonic()
        eventually(lambda: self.rows(newer), timeout_s=timeout_s)
        return time.monotonic() - began_s

    def secret(self, name: str) -> str:
        """An account's password, by the documented command."""
        said = self.compose("run", "--rm", "secrets", "show", name)
        return said.split("password:")[1].strip()


DOCKER = {"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"}
