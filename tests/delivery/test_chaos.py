"""A short chaos run keeps the promise; one that is broken on purpose is found out."""

import os
import re
import subprocess
import sys

import pytest

from bluenova_tools.chaos.plan import Kind, plan

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(400)]

KINDS = [Kind(name, target) for name in ("kill", "freeze") for target in "abcdef"]


def chaos(**settings: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {name: str(value) for name, value in settings.items()}
    done = subprocess.run(
        [sys.executable, "-m", "bluenova_tools.chaos"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    print(done.stdout, done.stderr)  # noqa: T201  # what pytest shows of a test that fails
    return done


def figure(name: str, printed: str) -> int:
    found = re.search(rf"^{name} +(\d+)", printed, re.MULTILINE)
    assert found, f"no figure for {name}"
    return int(found[1])


def test_after_forty_faults_the_table_equals_what_was_measured() -> None:
    done = chaos(FAULTS=40, PACE=1.2, SEED=os.environ.get("SEED") or 1234)
    assert figure("lost", done.stdout) == 0
    assert figure("duplicated", done.stdout) == 0
    assert figure("faults", done.stdout) == 40
    assert figure("measured", done.stdout) > 40
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("broken", "faults"),
    [
        ("receipt-before-commit", "kill: recorder,lock: table"),
        ("delete-before-receipt", "kill: broker,kill: recorder"),
    ],
)
def test_a_broken_promise_is_found_out(broken: str, faults: str) -> None:
    done = chaos(BREAK=broken, FAULTS=10, PACE=1.2, SEED=5, ONLY=faults)
    assert done.returncode == 1
    assert figure("lost", done.stdout) > 0


def test_the_same_seed_plans_the_same_faults_and_another_one_others() -> None:
    assert plan(KINDS, 50, 7) == plan(KINDS, 50, 7)
    assert plan(KINDS, 50, 7) != plan(KINDS, 50, 8)


def test_what_befalls_the_same_thing_does_not_overlap_and_much_else_does() -> None:
    planned = plan(KINDS, 200, 3)
    assert len(planned) == 200
    overlapping = 0
    for one in planned:
        for other in planned:
            if one is not other and one.at_s <= other.at_s < one.at_s + one.lasts_s:
                assert one.kind.target != other.kind.target
                overlapping += 1
    assert overlapping > 100
