"""How a service's process ends."""

import subprocess
import sys

import pytest

SERVICE = """
import atexit, threading, time
from bluenova_shared import service

async def serve(_):
    print("serving")
    threading.Thread(target=time.sleep, args=[{seconds}], daemon=True).start()
    time.sleep(0.1)
    {end}

atexit.register(print, "taken apart")
raise SystemExit(service.main("one", serve))
"""


@pytest.mark.parametrize(("end", "status"), [("pass", 0), ("raise ValueError", 2)])
def test_nothing_is_taken_apart_while_a_thread_works_with_it(end: str, status: int) -> None:
    assert ended(100, end) == (status, "serving\n")


def test_without_a_thread_it_ends_as_usual() -> None:
    assert ended(0, "pass") == (0, "serving\ntaken apart\n")


def ended(seconds: float, end: str) -> tuple[int, str]:
    """The exit status and what was said, if its thread works for so long."""
    program = SERVICE.format(seconds=seconds, end=end)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False
    )
    return done.returncode, done.stdout
