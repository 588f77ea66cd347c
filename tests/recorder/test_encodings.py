"""A database whose encoding cannot hold every character: one odd one costs at most its own item."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.databases import odd_database, recording_in
from tests.support.factories import MCU_ID, OTHER_MCU_ID, START_S, an_id, snapshot_keys
from tests.support.harness import eventually, query
from tests.support.recording import Recording

from bluenova_tools.local import Postgres

pytestmark = pytest.mark.services

RECORDED = f"bluenova/{MCU_ID}/recorded"
REPLACEMENT = "OVER\ufffdTEMP"


def answer(recording: Recording, item: dict[str, Any]) -> str:
    """What its receipt says: recorded, or why it is rejected. The other battery's rows arrive."""
    recording.listener.publish(f"bluenova/{MCU_ID}/backlog", json.dumps([item]))
    told = json.loads(eventually(lambda: recording.listener.payloads(RECORDED))[0])
    recording.publish(snapshot_keys(START_S, OTHER_MCU_ID, soc=5))
    others = f"SELECT 1 FROM battery_pack WHERE mcu_id = {int(OTHER_MCU_ID, 16)}"
    eventually(lambda: query(recording.database, others))
    if told["recorded"] == [item["id"]]:
        return "recorded"
    (one,) = told["rejected"]
    assert one["id"] == item["id"]
    return str(one["reason"])


LATIN1_ROLE = "ALTER DATABASE {} SET client_encoding = 'LATIN1'"


@pytest.mark.parametrize(
    ("encoding", "text", "setting"),
    [
        pytest.param("SQL_ASCII", REPLACEMENT, "", id="any character in SQL_ASCII"),
        pytest.param("LATIN1", "é", "", id="a Latin one in LATIN1"),
        pytest.param("UTF8", "é", LATIN1_ROLE, id="a Latin one, the database says LATIN1"),
        pytest.param("UTF8", REPLACEMENT, LATIN1_ROLE, id="any one, the database says LATIN1"),
    ],
)
def test_what_the_database_can_hold_is_stored_as_it_is(
    encoding: str, text: str, setting: str, postgres: Postgres, tmp_path: Path
) -> None:
    with odd_database(postgres, encoding=encoding) as database:
        if setting:
            query(database, setting.format(database.name))
        with recording_in(database, tmp_path) as recording:
            one = snapshot_keys(START_S, errors=text, id=an_id())
            assert answer(recording, one) == "recorded"
            ((found,),) = query(
                database,
                "SELECT convert_to(errors, %s) FROM battery_pack WHERE mcu_id = %s",
                *("SQL_ASCII" if encoding == "SQL_ASCII" else "UTF8", int(MCU_ID, 16)),
            )
            assert bytes(found).decode() == text


def test_libpqs_own_variable_for_the_encoding_changes_nothing(
    postgres: Postgres, tmp_path: Path
) -> None:
    with (
        odd_database(postgres) as database,
        recording_in(database, tmp_path, PGCLIENTENCODING="LATIN1") as recording,
    ):
        one = snapshot_keys(START_S, errors=REPLACEMENT, id=an_id())
        assert answer(recording, one) == "recorded"
        assert [row["errors"] for row in recording.rows()] == [REPLACEMENT]


def test_what_the_database_cannot_hold_is_rejected_alone(
    postgres: Postgres, tmp_path: Path
) -> None:
    with (
        odd_database(postgres, encoding="LATIN1") as database,
        recording_in(database, tmp_path) as recording,
    ):
        one = snapshot_keys(START_S, errors=REPLACEMENT, id=an_id())
        assert "LATIN1" in answer(recording, one)
        assert query(database, "SELECT count(*) FROM battery_pack_rejected") == [(1,)]


def test_a_reason_is_kept_in_characters_that_every_database_can_hold(
    postgres: Postgres, tmp_path: Path
) -> None:
    with (
        odd_database(postgres, encoding="LATIN1") as database,
        recording_in(database, tmp_path) as recording,
    ):
        query(database, 'ALTER TABLE battery_pack ADD CONSTRAINT "wärme\x7f" CHECK (temp <> 13)')
        one = snapshot_keys(START_S, id=an_id(), temp=13)
        assert '"wärme\x7f"' in answer(recording, one)
        ((kept,),) = query(database, "SELECT reason FROM battery_pack_rejected")
        assert r'"w\xe4rme\x7f"' in kept
        assert kept.isascii()
        assert kept.isprintable()
