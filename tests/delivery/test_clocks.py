"""A clock that is wrong and put right, from the console to the table."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import pytest
from tests.support.factories import MCU_ID
from tests.support.harness import Battery, eventually, query, recorder, wait_until_ready
from tests.support.repeating import repeating

from bluenova_tools.local import Database, Mosquitto, Service

pytestmark = [pytest.mark.services, pytest.mark.slow]

HOUR_S = 3600


@dataclass
class Board:
    """A collector whose clock the test sets, of a battery that talks all the time."""

    clock: Path
    service: Service
    database: Database

    def set(self, off_s: float) -> None:
        fresh = self.clock.with_suffix(".new")
        fresh.write_text(str(off_s))
        fresh.replace(self.clock)

    def times(self) -> list[float]:
        """The rows' times, in seconds from now."""
        found = query(self.database, "SELECT insert_time_utc FROM battery_pack ORDER BY 1")
        return [at.replace(tzinfo=UTC).timestamp() - time.time() for (at,) in found]

    def around(self, off_s: float) -> int:
        """How many rows there are of the last minute or so, by a clock that is so wrong."""
        return sum(abs(at - off_s) < 90 for at in self.times())

    def said(self, text: str) -> bool:
        return any(text in line for line in self.service.lines())


@pytest.fixture
def board(mosquitto: Mosquitto, database: Database, tmp_path: Path) -> Iterator[Board]:
    clock = tmp_path / "clock"
    with ExitStack() as stack:
        battery = stack.enter_context(Battery())
        writer = stack.enter_context(recorder(tmp_path, database, mqtt_port=mosquitto.port))
        wait_until_ready(writer, database)

        def talk() -> None:
            battery.say(f"MCU ID: {MCU_ID}", f"SOC: {int(10 * time.time()) % 100}")

        environment = {
            "BATTERY_HOST": "127.0.0.1",
            "BATTERY_PORT": str(battery.port),
            "MQTT_PORT": str(mosquitto.port),
            "OUTBOX_PATH": str(tmp_path / "outbox.sqlite"),
            "INTERVAL": "1",
            "CHAOS_TAP": str(tmp_path / "tap"),
            "CHAOS_CLOCK": str(clock),
        }
        service = Service(
            "bluenova_tools.chaos.collector", environment=environment, folder=tmp_path
        )
        one = Board(clock, service, database)
        one.set(-time.time())  # 1970
        stack.enter_context(service)
        wait_until_ready(service)
        stack.enter_context(repeating(talk, every_s=0.1))
        yield one


def test_a_clock_that_stands_in_1970_jumps_ahead_and_is_set_back(board: Board) -> None:
    time.sleep(3)
    assert board.times() == [], "1970: nobody knows what time it is"
    assert board.said("The clock says 1970-01-01, which cannot be")

    board.set(0)
    eventually(lambda: board.around(0) >= 2)
    assert len(board.times()) == board.around(0)
    assert board.said("The clock is set")

    board.set(3 * HOUR_S)
    eventually(lambda: board.around(3 * HOUR_S) >= 2)

    board.set(3 * HOUR_S - 1.5)  # as a clock that is adjusted: waits until the time is later again
    time.sleep(4)
    assert not board.said("was set back")

    board.set(2.5 * HOUR_S)  # a correction
    eventually(lambda: board.around(2.5 * HOUR_S) >= 2)
    assert board.said("The clock was set back by 1")
    assert query(board.database, "SELECT count(*) FROM battery_pack_rejected") == [(0,)]


def test_times_that_are_taken_after_a_correction_are_kept_as_rejected(board: Board) -> None:
    board.set(0)
    eventually(lambda: board.around(0) >= 4)
    board.set(2 * HOUR_S)
    eventually(lambda: board.around(2 * HOUR_S) >= 1)
    board.set(-6)  # the correction goes into what is in the table already
    eventually(lambda: query(board.database, "SELECT count(*) FROM battery_pack_rejected")[0][0])
    found = query(board.database, "SELECT DISTINCT left(reason, 10) FROM battery_pack_rejected")
    assert found == [("time taken",)]
    double = "SELECT count(*) - count(DISTINCT insert_time_utc) FROM battery_pack"
    assert query(board.database, double) == [(0,)]


def test_a_restart_does_not_close_an_interval_twice(board: Board) -> None:
    board.set(0)
    eventually(lambda: board.around(0) >= 2)
    for _ in range(3):
        board.service.kill()
        before = len(board.times())
        board.service.start()
        eventually(lambda: len(board.times()) > before + 1, timeout_s=25)  # noqa: B023  # called at once
    assert query(board.database, "SELECT count(*) FROM battery_pack_rejected") == [(0,)]


def test_a_restart_with_a_clock_that_was_set_back_goes_on_at_once(board: Board) -> None:
    board.set(60)
    eventually(lambda: board.around(60) >= 2)
    board.service.kill()
    board.set(-600)
    board.service.start()
    eventually(lambda: board.around(-600) >= 2)
    assert board.said("The clock was set back by 6")
