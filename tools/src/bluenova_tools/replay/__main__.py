"""`bluenova-replay`: serves a capture as if it were a battery."""

import argparse
import asyncio
import sys
from contextlib import suppress
from pathlib import Path

from bluenova_shared.program import as_program, stop_requested
from bluenova_tools.options import Parser, add_address, add_version, file
from bluenova_tools.replay.capture import Capture, parse_capture
from bluenova_tools.signals import until_one_ends
from bluenova_tools.simulator.server import ConsoleServer
from bluenova_tools.simulator.sources import Playback
from bluenova_tools.simulator.truth import tell

UNREADABLE_SHOWN = 5


def read_capture(path: Path) -> Capture:
    """The capture in a file. Raises OSError if the file cannot be read."""
    # Not splitlines(): a console line may hold characters that it takes for line ends.
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    return parse_capture(text.split("\n"))


def _speed(text: str) -> float:
    if text == "max":
        return 0.0
    with suppress(ValueError):
        if 0 < (speed := float(text)) <= 1e6:
            return speed
    raise argparse.ArgumentTypeError(f"{text!r} is neither a number above 0 nor 'max'")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="bluenova-replay",
        description="Serves a capture as a battery; each client hears it from its beginning.",
        epilog="A capture is a collector's log or one of bluenovalistener, both made with -r, "
        'or JSON lines {"t": seconds, "msg": text}.',
    )
    add = parser.add_argument
    add("file", type=file, help="the capture")
    add_version(parser)
    add_address(parser)
    add("--speed", type=_speed, default=1.0, help="1, 10 …, or max for no pauses (1)")
    add("--loop", action="store_true", help="begin again at the end")
    return parser


def report(capture: Capture) -> list[str]:
    """What was found in a capture, in words."""
    lasts_s = capture.heard[-1].at_s if capture.heard else 0.0
    said = [f"{_count(len(capture.heard), 'line')} within {lasts_s:.0f} s"]
    if capture.skipped:
        said.append(f"skipped {_count(capture.skipped, 'other line')} of the log")
    for problem in capture.unreadable[:UNREADABLE_SHOWN]:
        shown = ascii(problem.text[:60])
        said.append(f"line {problem.line_number} is unreadable ({problem.why}): {shown}")
    if capture.unreadable:
        said.append(f"{_count(len(capture.unreadable), 'unreadable line')} in all")
    return said


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


async def run(arguments: argparse.Namespace, capture: Capture) -> None:
    """Serves the capture until Ctrl-C or SIGTERM. Raises OSError if it cannot listen."""
    stop = stop_requested()
    timed = [(heard.at_s, heard.text) for heard in capture.heard]
    source = Playback(timed, speed=arguments.speed, loop=arguments.loop)
    async with ConsoleServer(source, host=arguments.host, port=arguments.port) as server:
        print(f"{arguments.file.name} plays at {server.url}; Ctrl-C ends it.", flush=True)
        await until_one_ends(stop.wait(), tell(server.events))


@as_program()
def main() -> int:
    """Runs the replay; the command line says how."""
    arguments = _parser().parse_args()
    try:
        capture = read_capture(arguments.file)
        for line in report(capture):
            print(line, flush=True)
        if not capture.heard:
            print("bluenova-replay: nothing in it to play", file=sys.stderr)
            return 1
        asyncio.run(run(arguments, capture))
    except OSError as error:
        print(f"bluenova-replay: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
