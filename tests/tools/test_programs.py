"""The simulator and the replay as a person runs them."""

import asyncio
import json
import signal
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
            assert second.lines()[-1].startswith("bluenova-simulator: [Errno 98]")


@pytest.mark.parametrize(
    "arguments",
    [("--trouble", "nonsense"), ("--mcu-id", "0"), ("--packs", "0"), ("--speed", "x")],
)
def test_a_wrong_command_line_says_what_is_wrong(
    tmp_path: Path, arguments: tuple[str, str]
) -> None:
    with simulator(tmp_path, 1, *arguments) as service:
        assert service.wait(timeout_s=10) == 2
        assert f"argument {arguments[0]}" in service.lines()[-1]


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


@pytest.mark.parametrize("content", [None, "nothing\n"])
def test_a_capture_with_nothing_in_it_is_told(tmp_path: Path, content: str | None) -> None:
    capture = tmp_path / "capture.jsonl"
    if content is not None:
        capture.write_text(content)
    with Service("bluenova_tools.replay", [str(capture)], folder=tmp_path) as service:
        assert service.wait(timeout_s=10) == 1
        assert service.lines()[-1].startswith("bluenova-replay: ")
