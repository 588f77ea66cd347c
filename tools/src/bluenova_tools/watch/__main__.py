"""`bluenova-watch`: a live view of what is on MQTT; without a terminal, plain lines."""

import asyncio
import logging
import os
import secrets
import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.live import Live

from bluenova_shared.message import Message
from bluenova_shared.mqtt.broker import Broker, Client
from bluenova_shared.mqtt.link import MqttLink
from bluenova_shared.program import as_program, stop_requested
from bluenova_shared.setting_types import WrongSettings
from bluenova_shared.settings import ProgramSettings
from bluenova_shared.topics import Topics
from bluenova_tools.watch.board import Board
from bluenova_tools.watch.screen import plain_line, render

REDRAW_S = 0.25


class WatchSettings(ProgramSettings):
    """A live view of the batteries on MQTT. Ctrl-C ends it."""

    distribution = "bluenova-tools"
    program = "bluenova-watch"


class _Note(logging.Handler):
    """Shows the last warning within the view, as a line of its own would tear it."""

    def __init__(self, board: Board) -> None:
        super().__init__(logging.INFO)
        self._board = board

    def emit(self, record: logging.LogRecord) -> None:
        warning = record.levelno >= logging.WARNING
        self._board.note = record.getMessage() if warning else ""


async def watch(
    broker: Broker, topics: Topics, stop: asyncio.Event, console: Console, *, about: str = ""
) -> Board:
    """Shows what comes, below a word about it, until `stop` is set. Returns what is known then."""
    board = Board(topics)
    board.about = about
    link = MqttLink(
        broker,
        Client(
            f"bluenova-watch-{secrets.token_hex(4)}",
            [
                (topics.snapshot("+"), 0),
                (topics.availability("+"), 1),
                (topics.collector("+"), 1),
            ],
        ),
        time.monotonic,
    )
    show = _show_live if is_terminal(console) else _show_lines
    tasks = [asyncio.create_task(link.run()), asyncio.create_task(show(link, board, console))]
    stopped = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopped}:
            task.result()
    finally:
        for task in (stopped, *tasks):
            task.cancel()
        await asyncio.gather(stopped, *tasks, return_exceptions=True)
        await link.close()
    return board


def is_terminal(console: Console) -> bool:
    """Whether there is a screen to draw on."""
    return console.file.isatty() and os.environ.get("TERM", "dumb") != "dumb"


async def _take(link: MqttLink, board: Board, say: Callable[[str], None]) -> None:
    while True:
        for event in await link.drain():
            if isinstance(event, Message):
                snapshot = board.take(event.topic, event.payload, time.monotonic())
                if snapshot is not None:
                    say(plain_line(snapshot))


async def _show_lines(link: MqttLink, board: Board, console: Console) -> None:
    def say(line: str) -> None:
        # Not by rich, which would wrap long lines.
        print(line, file=console.file, flush=True)

    await _take(link, board, say)


async def _show_live(link: MqttLink, board: Board, console: Console) -> None:
    taking = asyncio.create_task(_take(link, board, lambda line: None))
    root = logging.getLogger()
    before = root.handlers
    # Only what would write on the screen gives way.
    files = [handler for handler in before if isinstance(handler, logging.FileHandler)]
    root.handlers = [_Note(board), *files]
    try:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while not taking.done():
                now_s = time.monotonic()
                live.update(render(board, now_s, console.width, console.height), refresh=True)
                await asyncio.sleep(REDRAW_S)
            taking.result()
    finally:
        root.handlers = before
        taking.cancel()


async def _run(broker: Broker, topics: Topics) -> None:
    await watch(broker, topics, stop_requested(), Console())


@as_program()
def main() -> int:
    """Runs the view; environment and command line say where the broker is."""
    try:
        settings = WatchSettings.load(sys.argv[1:])
        settings.set_up_logging()
        asyncio.run(_run(settings.broker(), Topics(settings.topic_root)))
    except WrongSettings as error:
        for line in str(error).splitlines():
            print(f"bluenova-watch: {line}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our lines, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
