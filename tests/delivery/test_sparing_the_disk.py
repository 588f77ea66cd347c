"""A recorder whose rows wait for one another: fewer commits, and nothing is sent again."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.factories import MCU_ID
from tests.support.harness import (
    Battery,
    Listener,
    collector,
    eventually,
    query,
    recorder,
    wait_until_ready,
)
from tests.support.repeating import repeating

from bluenova_shared.wire import MOST_ROWS_WAIT_S, ready, rows_wait_s
from bluenova_tools.local import Database, Mosquitto

# Longer than a collector waits for a receipt otherwise.
ROWS_WAIT_S = 8


@pytest.mark.parametrize("seconds", [0, 0.05, 1, 8, 59.5, 60])
def test_a_recorders_word_says_how_long_rows_wait(seconds: float) -> None:
    assert rows_wait_s(ready(seconds)) == rows_wait_s(ready(seconds).encode()) == seconds


@given(st.text() | st.binary() | st.integers().map("ready {}".format))
def test_no_word_keeps_a_collector_waiting_for_long(word: str | bytes) -> None:
    assert 0 <= rows_wait_s(word) <= MOST_ROWS_WAIT_S


@pytest.mark.services
@pytest.mark.slow
def test_rows_that_wait_for_one_another_are_one_commit_and_come_once(
    mosquitto: Mosquitto, database: Database, tmp_path: Path
) -> None:
    with (
        Battery() as battery,
        Listener(mosquitto) as listener,
        recorder(
            tmp_path, database, mqtt_port=mosquitto.port,
            BATCH_AGE_S=ROWS_WAIT_S, BATCH_QUIET_S=ROWS_WAIT_S,
        ) as writing,
    ):  # fmt: skip
        wait_until_ready(writing, database)
        with (
            collector(tmp_path, battery_port=battery.port, mqtt_port=mosquitto.port),
            repeating(lambda: battery.say(f"MCU ID: {MCU_ID}", "SOC: 55"), every_s=0.2),
        ):
            rows = "SELECT count(*), count(DISTINCT xmin::text) FROM battery_pack"
            eventually(lambda: query(database, rows)[0][0] >= 2 * ROWS_WAIT_S, timeout_s=40)
            ((many, commits),) = query(database, rows)
            assert commits <= many / 4
            again = [
                one for one in listener.payloads(f"bluenova/{MCU_ID}/backlog") if b"soc" in one
            ]
            assert again == []
