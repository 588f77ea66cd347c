"""Our code takes no more calls and steps than it did: what makes it slower shows on any machine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.calls import BASELINE, RENEW, calls, steps

ROOT = Path(__file__).parents[2]
# Other versions of Python and of the libraries take some more, or fewer.
MORE = 1.25


def test_no_more_calls_and_steps_are_taken_than_in_the_baseline() -> None:
    command = [sys.executable, "-m", "tests.support.calls", "--print"]
    counted = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    now = json.loads(counted.stdout)
    baseline = json.loads(BASELINE.read_text(encoding="utf-8"))
    assert now.keys() == baseline.keys(), f"Run: {RENEW}"
    for what, taken in now.items():
        for kind, number in taken.items():
            before = baseline[what][kind]
            assert number <= MORE * before, (
                f"{what}: {number} {kind}, and {before} in {BASELINE.name}. Make it as quick as it "
                f"was; if what it does now is worth that much, run: {RENEW}"
            )


@pytest.mark.parametrize("many", [1, 10, 1000])
def test_calls_are_counted(many: int) -> None:
    def work() -> None:
        for n in range(many):
            divmod(n, 2)

    assert many <= calls(work) <= many + 5


@pytest.mark.parametrize("many", [1, 10, 1000])
def test_steps_within_a_call_are_counted(many: int) -> None:
    assert 2 * many <= steps(lambda: [n + 1 for n in range(many)]) <= 12 * many + 20
