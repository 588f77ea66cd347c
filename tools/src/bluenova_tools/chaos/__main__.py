"""`make chaos`: runs a plan of faults, and prints what became of the promise."""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bluenova_shared.program import show_what_can_be_shown
from bluenova_tools.chaos.faults import kinds
from bluenova_tools.chaos.plan import PACE_S, plan
from bluenova_tools.chaos.recovery import recoveries
from bluenova_tools.chaos.run import Course, Run
from bluenova_tools.chaos.spoken import never_said
from bluenova_tools.chaos.stage import Stage, keep_logs, stage
from bluenova_tools.chaos.tap import Truth
from bluenova_tools.chaos.verdict import Tables, Verdict, compare
from bluenova_tools.local import ServiceError
from bluenova_tools.options import between, one_of, whole

BREAKS = ("receipt-before-commit", "delete-before-receipt")
EXAMPLES = 5


def say(line: str = "") -> None:
    """Tells it at once, even into a pipe."""
    print(line, flush=True)


def _arguments() -> argparse.Namespace:
    def environment(name: str, otherwise: object) -> str:
        return os.environ.get(name) or str(otherwise)

    parser = argparse.ArgumentParser(
        prog="chaos",
        description="Kill, freeze and cut everything, and see that nothing is lost.",
        epilog="Each may also be set in the environment: FAULTS=40 is --faults 40.",
    )
    # All defaults are texts, which argparse judges as it does an option's.
    add = parser.add_argument
    add("--faults", type=whole(1, 1_000_000), default=environment("FAULTS", 200), metavar="NUMBER",
        help="how many (200)")  # fmt: skip
    add("--seed", type=int, default=environment("SEED", random.randrange(1_000_000)),
        metavar="NUMBER", help="what the plan follows from (a new one each time)")  # fmt: skip
    add("--pace", type=between(0, 3600), default=environment("PACE", PACE_S), metavar="NUMBER",
        help=f"seconds for each fault, on average ({PACE_S})")  # fmt: skip
    add("--only", default=environment("ONLY", ""), metavar="NAMES",
        help="faults with these parts in their names, as in 'kill: recorder,lock'")  # fmt: skip
    add("--break", dest="broken", type=one_of("", *BREAKS), default=environment("BREAK", ""),
        metavar="HOW", help=f"break the promise on purpose: {' or '.join(BREAKS)}")  # fmt: skip
    add("--pauses", default=environment("PAUSES", ""), type=one_of("", "real"), metavar="real",
        help="leave the services' own pauses, which are long")  # fmt: skip
    add("--keep", type=Path, default=os.environ.get("KEEP") or None, metavar="FOLDER",
        help="keep the logs there")  # fmt: skip
    return parser.parse_args()


def wait_for_first_rows(made: Stage) -> None:
    """Raises ServiceError if the chain does not even work without faults."""
    deadline_s = time.monotonic() + 60
    while len({item["mcu_id"] for i, item in _stored(made).items()}) < len(made.collectors):
        if time.monotonic() > deadline_s:
            raise ServiceError("Nothing was recorded within a minute, before the first fault.")
        time.sleep(0.2)


def _stored(made: Stage) -> dict[str, dict[str, str]]:
    truth = made.truth()
    return {item_id: truth.measured[item_id] for item_id in truth.gone & truth.measured.keys()}


def run(arguments: argparse.Namespace, folder: Path) -> int:
    """Returns the exit status."""
    broken = f", broken on purpose: {arguments.broken}" if arguments.broken else ""
    say(f"{arguments.faults} faults, SEED={arguments.seed}{broken}")
    with stage(folder, arguments.seed, broken=arguments.broken, pauses=arguments.pauses) as made:
        doings = kinds(made)
        if not made.postgres_disk.mounted:
            say("Skipped: full disks, as only root may mount a small one.")
        if made.pooler is None:
            say("Skipped: a pooler before PostgreSQL, as there is no PgBouncer here.")
        wanted = [one for one in arguments.only.split(",") if one]
        chosen = [kind for kind in doings if not wanted or any(w in str(kind) for w in wanted)]
        if not chosen:
            names = ", ".join(sorted({kind.name for kind in doings}))
            raise ServiceError(f"ONLY={arguments.only} names no fault. There are: {names}.")
        wait_for_first_rows(made)
        doing = Run(made, doings)
        began_s = time.monotonic()
        try:
            doing.carry_out(plan(chosen, arguments.faults, arguments.seed, arguments.pace))
            say(f"All faults are undone after {time.monotonic() - began_s:.0f} s. Waiting …")
            tables = doing.drain(timeout_s=300 if arguments.pauses else 120)
            truth = made.truth()
            strange = never_said(truth, made.spoken())
        finally:
            if arguments.keep:
                keep_logs(made, arguments.keep)
    return report(arguments.seed, doing.course, truth, tables, strange)


def report(seed: int, course: Course, truth: Truth, tables: Tables, strange: list[str]) -> int:
    """Prints what came of it; returns 1 if the promise was broken."""
    verdict = compare(truth, tables)
    for name, count in sorted(course.by_kind().items()):
        say(f"  {count:4} {name}")
    times_s = recoveries([end_s for *_, end_s in course.done], truth, tables.stored_s) or [0.0]
    say(f"faults      {len(course.done)}, up to {course.most_at_once} at once")
    say(f"measured    {verdict.measured} snapshots and events")
    say(f"rows        {verdict.rows}, events {verdict.events}, times taken {verdict.time_taken}")
    say(f"lost        {len(verdict.lost)}")
    say(f"duplicated  {len(verdict.duplicated)}")
    say(f"recovered   within {median(times_s):.1f} s (median), {max(times_s):.1f} s (worst)")
    say(f"seed        {seed}")
    wrong = _wrong(course, truth, verdict, strange)
    for what, examples in wrong.items():
        say(f"WRONG: {what}: {len(examples)}")
        for example in examples[:EXAMPLES]:
            say(f"  {example}")
    return 1 if wrong else 0


def _wrong(
    course: Course, truth: Truth, verdict: Verdict, strange: list[str]
) -> dict[str, list[str]]:
    left = [] if course.drained else [f"{truth.waiting} are left after {course.waited_s:.0f} s"]
    found = {
        "lost": verdict.lost,
        "duplicated": verdict.duplicated,
        "in the table and not measured": verdict.not_measured,
        "rejected without need": verdict.wrongly_rejected,
        "measured and never said by a battery": strange,
        "hours that are not what the rows say": course.wrong_hours,
        "outboxes not empty": left,
        "services that ended by themselves": course.died,
        "faults that could not be done": course.never_began,
    }
    return {what: examples for what, examples in found.items() if examples}


def main() -> int:
    """Entry point."""
    show_what_can_be_shown()
    folder = Path(tempfile.mkdtemp(prefix="bluenova-chaos-"))
    try:
        return run(_arguments(), folder)
    except ServiceError as error:
        print(f"The chaos run failed. {error}", file=sys.stderr)
        return 2
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
