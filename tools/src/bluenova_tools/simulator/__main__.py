"""`bluenova-simulator`: a simulated battery that any number of collectors can read."""

import argparse
import asyncio
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from random import Random

from bluenova_shared.program import as_program, stop_requested
from bluenova_tools.options import Parser, add_address, add_version, between, whole
from bluenova_tools.signals import until_one_ends
from bluenova_tools.simulator.battery import Pack, PackSettings
from bluenova_tools.simulator.console import ConsoleLine, round_of_lines
from bluenova_tools.simulator.server import ConsoleServer
from bluenova_tools.simulator.sources import Broadcast, on_time
from bluenova_tools.simulator.troubles import TROUBLES, Troubles, parse_trouble
from bluenova_tools.simulator.truth import Truth, tell

FIRST_MCU_ID = 0x1A2B3C4D


def timed_lines(
    packs: Sequence[Pack], troubles: Troubles, *, speed: float, line_interval_s: float
) -> Iterator[tuple[float, ConsoleLine]]:
    """The packs' rounds in turn, for ever, each line with its time in seconds.

    The packs' own time passes `speed` times as fast as the console's.
    """
    random = Random(packs[0].settings.seed)
    console_s = 0.0
    advanced_at_s = [0.0] * len(packs)
    for number in count(1):
        for rank, pack in enumerate(packs):
            pack.advance((console_s - advanced_at_s[rank]) * speed)
            advanced_at_s[rank] = console_s
            for line in round_of_lines(pack, number):
                for said in troubles.on_line(line):
                    console_s += line_interval_s * random.uniform(0.8, 1.2)
                    yield console_s, said


async def talk(
    console: Broadcast, lines: Iterable[tuple[float, ConsoleLine]], truth: Truth | None
) -> None:
    """Says each line at its time, and writes it down."""
    async for line in on_time(lines):
        console.say(line.text)
        if truth:
            truth.said(line, console.listeners)


def make_packs(arguments: argparse.Namespace) -> list[Pack]:
    """The packs that the command line asks for, each with an MCU ID of its own."""
    packs = []
    for rank in range(arguments.packs):
        settings = PackSettings(
            mcu_id=(arguments.mcu_id + rank * 0x01010101) & 0xFFFFFFFF,
            cells=arguments.cells,
            capacity_ah=arguments.capacity,
            start_soc=arguments.start_soc / 100,
            start_hour=arguments.start_hour,
            n_units=arguments.packs,
            unit_rank=rank,
            winter=arguments.winter,
            seed=arguments.seed + rank,
        )
        pack = Pack(settings)
        pack.error = arguments.error
        packs.append(pack)
    return packs


def _parser() -> argparse.ArgumentParser:
    troubles = "\n".join(
        f"  {name:21}{trouble.meaning} ({trouble.rate:g} of {trouble.of})"
        for name, trouble in TROUBLES.items()
    )
    parser = Parser(
        prog="bluenova-simulator",
        description="A simulated BlueNova battery: ws://HOST:PORT/ws/ speaks its console.",
        epilog=f"troubles and their usual rates:\n{troubles}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add_version(parser)
    add_address(parser)
    add("--packs", type=whole(1, 16), default=1, help="packs on one console (%(default)s)")
    add("--cells", type=int, choices=(8, 16), default=16, help="cells in a pack (%(default)s)")
    add("--capacity", type=between(1, 1000), default=100, help="in Ah (%(default)s)")
    add("--mcu-id", type=_mcu_id, default=FIRST_MCU_ID, help="of the first pack (1A2B3C4D)")
    add("--start-soc", type=between(0, 100), default=55, help="percent (%(default)s)")
    add("--start-hour", type=between(0, 24), default=11, help="time of day (%(default)s)")
    add("--speed", type=between(0, 100_000), default=1, help="of the packs' time (%(default)s)")
    add("--winter", action="store_true", help="freezing temperatures")
    add("--seed", type=int, default=1, help="another number, another story (%(default)s)")
    add("--line-interval", type=between(0.0001, 60), default=0.04, metavar="SECONDS",
        help="between two lines (%(default)s)")  # fmt: skip
    add("--error", default="", metavar="TEXT", help="a text for the Errors line")
    add("--trouble", action="append", default=[], type=_trouble, metavar="NAME[=rate]",
        help="a trouble, may be given several times; see below")  # fmt: skip
    add("--truth", type=Path, metavar="FILE", help="write down all that is said, as JSON lines")
    return parser


def _mcu_id(text: str) -> int:
    with suppress(ValueError):
        if 0 < (mcu_id := int(text, 16)) < 0xFFFFFFFF:
            return mcu_id
    raise argparse.ArgumentTypeError(f"{text!r} is no MCU ID; an example: 1A2B3C4D")


def _trouble(text: str) -> tuple[str, float]:
    try:
        return parse_trouble(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


async def run(arguments: argparse.Namespace, packs: Sequence[Pack], truth: Truth | None) -> None:
    """Serves the packs' console until Ctrl-C or SIGTERM. Raises OSError if it cannot listen."""
    stop = stop_requested()
    troubles = Troubles(dict(arguments.trouble), seed=arguments.seed)
    lines = timed_lines(
        packs, troubles, speed=arguments.speed, line_interval_s=arguments.line_interval
    )
    console = Broadcast()
    async with ConsoleServer(
        console, host=arguments.host, port=arguments.port, troubles=troubles
    ) as server:
        names = ", ".join(f"{pack.settings.mcu_id:08X}" for pack in packs)
        print(f"A simulated battery ({names}) speaks at {server.url}; Ctrl-C ends it.", flush=True)
        await until_one_ends(stop.wait(), talk(console, lines, truth), tell(server.events, truth))


@as_program()
def main() -> int:
    """Runs the simulator; the command line says how."""
    arguments = _parser().parse_args()
    with ExitStack() as files:
        try:
            truth = None
            if arguments.truth:
                # Line by line, so that the file is whole whenever the program ends.
                file = arguments.truth.open("w", encoding="utf-8", buffering=1)
                truth = Truth(files.enter_context(file))
            asyncio.run(run(arguments, make_packs(arguments), truth))
        except OSError as error:
            print(f"bluenova-simulator: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
