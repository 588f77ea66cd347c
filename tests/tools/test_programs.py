"""The simulator and the replay as a person runs them."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from bluenova_tools.local import Service, free_port


def listen(port: int, count: int) -> list[str]:
    async def run() -> list[str]:
        url = f"ws://127.0.0.1:{port}/ws/"
        # A server that pours lines leaves no gap for the answer to a close.
        client: dict[str, Any] = {"proxy": None, "max_size": None, "close_timeout": 0.2}
        async with asyncio.timeout(10), connect(url, **client) as socket:
            return [(await socket.recv(decode=False)).decode() for _ in range(count)]

    return asyncio.run(run())


def simulator(tmp_path: Path, port: int, *arguments: str) -> Service:
    fast = ("--port", str(port), "--line-interval", "0.001", *arguments)
    return Service("bluenova_tools.simulator", fast, folder=tmp_path)


def test_the_simulator_speaks_and_writes_down_the_truth(tmp_path: Path) -> None:
    truth, port = tmp_path / "truth.jsonl", free_port()
    with simulator(tmp_path, port, "--packs", "2", "--truth", str(truth)) as service:
        service.wait_for_line("speaks at")
        lines = listen(port, 200)
        assert service.terminate(timeout_s=1) == 0
    assert {"MCU ID: 1A2B3C4D", "MCU ID: 1B2C3D4E"} <= set(lines)
    entries = [json.loads(line) for line in truth.read_text().splitlines()]
    said = [entry for entry in entries if entry.get("listeners")]
    assert set(lines) <= {entry["line"] for entry in said}
    volts = next(line for line in lines if line.startswith("Vpack: "))
    entry = next(entry for entry in said if entry["line"] == volts)
    assert entry["values"] == {"v_pack": int(volts.removeprefix("Vpack: ")) / 1000}
    assert {"a client is connected"} <= {entry.get("event") for entry in entries}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_within_a_second_and_without_a_traceback(
    tmp_path: Path, number: signal.Signals
) -> None:
    port = free_port()
    with simulator(tmp_path, port, "--trouble", "fragments", "--trouble", "garbage") as service:
        service.wait_for_line("speaks at")
        listen(port, 10)
        service.child.send(number)
        assert service.wait(timeout_s=1) == 0
        assert "Traceback" not in "\n".join(service.lines())


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    port = free_port()
    with simulator(tmp_path, port) as first:
        first.wait_for_line("speaks at")
        (tmp_path / "second").mkdir()
        with simulator(tmp_path / "second", port) as second:
            assert second.wait(timeout_s=10) == 1
            assert second.lines()[-1] == (
                f"bluenova-simulator: Port {port} of 127.0.0.1 cannot be listened on "
                "(Address already in use). Choose another one with --port."
            )
        capture = tmp_path / "capture.jsonl"
        capture.write_text('{"t": 0, "msg": "SOC: 1"}\n')
        arguments = (str(capture), "--port", str(port))
        with Service("bluenova_tools.replay", arguments, folder=tmp_path) as replay:
            assert replay.wait(timeout_s=10) == 1
            assert replay.lines()[-1].startswith(f"bluenova-replay: Port {port} of 127.0.0.1 ")


# A name that no resolver is asked for, and an address of the documents that no machine has.
@pytest.mark.parametrize("host", ["not a host", "192.0.2.1"])
def test_a_host_that_is_not_ours_is_told(tmp_path: Path, host: str) -> None:
    with simulator(tmp_path, 0, "--host", host) as service:
        assert service.wait(timeout_s=10) == 1
        said = service.lines()[-1]
        assert said.startswith(f"bluenova-simulator: {host!r} cannot be listened on (")
        assert said.endswith("with --host.")


@pytest.mark.parametrize(
    "arguments",
    [
        *(("--trouble", "nonsense"), ("--mcu-id", "0"), ("--speed", "x"), ("--speed", "nan")),
        *(("--packs", "0"), ("--packs", "1.5"), ("--port", "99999"), ("--port", "-1")),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(
    tmp_path: Path, arguments: tuple[str, str]
) -> None:
    with simulator(tmp_path, 1, *arguments) as service:
        assert service.wait(timeout_s=10) == 2
        assert f"argument {arguments[0]}" in service.lines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("simulator", "--host", "me:hunter2@127.0.0.1"),
        ("simulator", "--mqtt-password", "hunter2"),
        ("simulator", "--mqtt-password=hunter2"),
        ("simulator", "mqtt://me:hunter2@broker"),
        ("replay", "ws://me:hunter2@battery/ws/"),
        ("replay", "capture.log", "-Phunter2"),
        ("demo", "-P", "hunter2"),
    ],
)
def test_a_password_in_the_wrong_place_is_not_shown(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    program, *flags = arguments
    with Service(f"bluenova_tools.{program}", flags, folder=tmp_path) as service:
        assert service.wait(timeout_s=10) == 2
        assert "error: " in service.lines()[-1]
        assert "hunter2" not in "\n".join(service.lines())


def test_a_port_that_cannot_be_is_told(tmp_path: Path) -> None:
    arguments = ("capture.log", "--port", "99999")
    with Service("bluenova_tools.replay", arguments, folder=tmp_path) as service:
        assert service.wait(timeout_s=10) == 2
        assert "port must be between 0 and 65535" in service.lines()[-1]


@pytest.mark.parametrize("name", ["FAULTS", "SEED", "PACE", "BREAK", "PAUSES"])
def test_a_wrong_variable_of_a_chaos_run_is_told(tmp_path: Path, name: str) -> None:
    with Service("bluenova_tools.chaos", environment={name: "x"}, folder=tmp_path) as chaos:
        assert chaos.wait(timeout_s=10) == 2
        assert f"argument --{name.lower()}: " in chaos.lines()[-1]


def test_help_about_the_documents_writes_none(tmp_path: Path) -> None:
    with Service("bluenova_tools.dev.documents", ["--help"], folder=tmp_path) as documents:
        assert documents.wait(timeout_s=10) == 0
        assert documents.lines()[0].startswith("usage: ")


def test_ctrl_c_while_a_capture_is_read_ends_without_a_traceback(tmp_path: Path) -> None:
    pipe = tmp_path / "capture"
    os.mkfifo(pipe)
    with (
        Service("bluenova_tools.replay", [str(pipe)], folder=tmp_path) as service,
        pipe.open("wb"),  # it returns when the replay reads
    ):
        assert service.interrupt(timeout_s=5) == 0
        assert service.lines() == []


def test_a_capture_is_replayed(tmp_path: Path) -> None:
    capture = tmp_path / "capture.jsonl"
    capture.write_text('{"t": 0, "msg": "SOC: 1"}\nwhat\n{"t": 50, "msg": "SOC: 2"}\n')
    port = free_port()
    arguments = (str(capture), "--port", str(port), "--speed", "max", "--loop")
    with Service("bluenova_tools.replay", arguments, folder=tmp_path) as service:
        service.wait_for_line("plays at")
        assert listen(port, 4) == ["SOC: 1", "SOC: 2", "SOC: 1", "SOC: 2"]
        assert "line 2 is unreadable" in service.wait_for_line("unreadable")
        assert service.interrupt(timeout_s=1) == 0


def test_a_capture_is_replayed_as_fast_as_wanted(tmp_path: Path) -> None:
    capture = tmp_path / "capture.jsonl"
    capture.write_text('{"t": 0, "msg": "SOC: 1"}\n{"t": 50, "msg": "SOC: 2"}\n')
    port = free_port()
    arguments = (str(capture), "--port", str(port), "--speed", "50")
    with Service("bluenova_tools.replay", arguments, folder=tmp_path) as service:
        service.wait_for_line("plays at")
        began_s = time.monotonic()
        assert listen(port, 2) == ["SOC: 1", "SOC: 2"]
        assert time.monotonic() - began_s >= 1


@pytest.mark.parametrize("content", [None, "nothing\n"])
def test_a_capture_with_nothing_in_it_is_told(tmp_path: Path, content: str | None) -> None:
    capture = tmp_path / "capture.jsonl"
    if content is not None:
        capture.write_text(content)
    with Service("bluenova_tools.replay", [str(capture)], folder=tmp_path) as service:
        assert service.wait(timeout_s=10) == 1
        assert service.lines()[-1].startswith("bluenova-replay: ")


PROGRAMS = {
    "bluenova-collector": "bluenova_collector",
    "bluenova-recorder": "bluenova_recorder",
    "bluenova-simulator": "bluenova_tools.simulator",
    "bluenova-replay": "bluenova_tools.replay",
    "bluenova-watch": "bluenova_tools.watch",
    "bluenova-demo": "bluenova_tools.demo",
}


def output(module: str, *arguments: str, **environment: str) -> str:
    """What a program prints that ends well, and without an error."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(
    "command", [*PROGRAMS, "bluenova-collector forget", "bluenova-recorder redrive"]
)
def test_each_program_tells_its_name_and_version(command: str) -> None:
    program, *subcommand = command.split()
    module = PROGRAMS[program]
    number = version(module.partition(".")[0].replace("_", "-"))
    assert output(module, *subcommand, "--version") == f"{program} {number}\n"


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_help_of_each_program_names_it_and_its_version(program: str) -> None:
    told = output(PROGRAMS[program], "--help")
    assert told.startswith(f"usage: {program} ")
    assert "  --version  " in told


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_help_of_each_program_needs_no_letters_that_the_terminal_lacks(program: str) -> None:
    told = output(PROGRAMS[program], "--help", PYTHONIOENCODING="ascii")
    assert told == output(PROGRAMS[program], "--help").encode("ascii", "replace").decode("ascii")


def test_a_captures_name_may_have_bytes_that_are_no_letters(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"captur\xe9.jsonl")).write_text('{"t": 0, "msg": "SOC: 1"}\n')
    arguments = (os.fsdecode(b"captur\xe9.jsonl"), "--port", "0")
    strict = {"PYTHONIOENCODING": "utf-8"}
    with Service(
        "bluenova_tools.replay", arguments, environment=strict, folder=tmp_path
    ) as service:
        assert service.wait_for_line("plays at").startswith("captur?.jsonl plays at ws://")
        assert service.interrupt(timeout_s=1) == 0
