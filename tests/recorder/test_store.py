"""Each snapshot once, whatever else is in its batch or came before."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg2.errors import LockNotAvailable
from tests.support.factories import START_S, event, snapshot, snapshot_keys
from tests.support.harness import eventually, query, seconds
from tests.support.recording import Recording, record

from bluenova_recorder.account import Account, Session
from bluenova_recorder.cures import reason_of
from bluenova_recorder.intake import RejectedItem
from bluenova_recorder.rejected import MOST_ROWS
from bluenova_recorder.store import Store
from bluenova_shared.topics import Topics
from bluenova_tools.local import Database, Postgres

pytestmark = pytest.mark.services

A, B = "0000000A", "0000000B"
IN_ONE_BATCH: dict[str, Any] = {"BATCH_ROWS": 10_000, "BATCH_AGE_S": 0.4}


@pytest.fixture(scope="module")
def recording(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    """A recorder that writes all that comes within a while in one batch."""
    with record(postgres, tmp_path_factory, **IN_ONE_BATCH) as one:
        yield one


def times(recording: Recording, mcu_id: str) -> list[int]:
    return [seconds(row) - START_S for row in recording.rows(mcu_id)]


def time_taken(recording: Recording, mcu_id: str) -> list[str]:
    """What the log says of this battery's snapshots whose time is taken."""
    recording.catch_up()  # a batch is told of before the next one is written
    lines = recording.service.lines()
    return [line for line in lines if "time taken" in line and mcu_id in line]


def test_a_snapshot_twice_in_a_batch_is_one_row(recording: Recording) -> None:
    one = snapshot_keys(START_S, "00000001", soc=5)
    recording.publish(one, one, one)
    recording.catch_up()
    assert times(recording, "00000001") == [0]


def test_a_snapshot_that_comes_again_later_is_one_row(recording: Recording) -> None:
    for _ in range(2):
        recording.publish(snapshot_keys(START_S, "00000002", soc=5))
        recording.catch_up()
    assert times(recording, "00000002") == [0]


def test_batteries_and_times_do_not_get_in_each_others_way(recording: Recording) -> None:
    recording.publish(
        *[snapshot_keys(START_S + s, mcu, soc=s) for s in (20, 0, 10) for mcu in (B, A)],
        snapshot_keys(START_S + 10, A, soc=10),
    )
    recording.catch_up()
    assert times(recording, A) == times(recording, B) == [0, 10, 20]
    assert [row["soc"] for row in recording.rows(A)] == [0, 10, 20]


@pytest.mark.parametrize("together", [True, False], ids=["in a batch", "across batches"])
def test_of_two_for_one_time_the_first_stays_and_the_other_is_reported(
    together: bool, recording: Recording
) -> None:
    mcu_id = f"000000C{together:d}"
    recording.publish(snapshot_keys(START_S, mcu_id, soc=5))
    if not together:
        recording.catch_up()
    recording.publish(snapshot_keys(START_S, mcu_id, soc=6), snapshot_keys(START_S + 10, mcu_id))
    recording.catch_up()
    assert [row["soc"] for row in recording.rows(mcu_id)] == [5, None]
    assert len(time_taken(recording, mcu_id)) == 1


@pytest.mark.parametrize(
    ("mcu_id", "other"),
    [
        pytest.param("0000D001", {"soc": None}, id="null for a value"),
        pytest.param("0000D002", {"errors": ""}, id="the empty text for null"),
        pytest.param("0000D003", {"v_pack": 53.001}, id="a little more"),
        pytest.param("0000D004", {"cell_v": [None] * 15 + [3.3]}, id="one cell more"),
    ],
)
def test_values_that_differ_in_any_column_are_other_values(
    mcu_id: str, other: dict[str, object], recording: Recording
) -> None:
    recording.publish(snapshot_keys(START_S, mcu_id, soc=5, v_pack=53.0))
    recording.catch_up()
    assert time_taken(recording, mcu_id) == []
    recording.publish(snapshot_keys(START_S, mcu_id, **({"soc": 5, "v_pack": 53.0} | other)))
    recording.catch_up()
    assert len(time_taken(recording, mcu_id)) == 1


def test_the_same_values_again_are_no_other_values(recording: Recording) -> None:
    everything = snapshot_keys(
        START_S, "0000E0E0", soc=5, v_pack=53.123, i_pack=-0.01, errors="a\tb\\", health=99.999,
        cell_v=[3.301] * 16, cell_t=[-5] * 16, adc=[1.6128] * 5, energy_in=123456.789,
        energy_out=3.4e38,
    )  # fmt: skip
    for _ in range(2):
        recording.publish(everything)
        recording.catch_up()
    assert len(recording.rows("0000E0E0")) == 1
    assert time_taken(recording, "0000E0E0") == []


def test_a_row_that_the_table_refuses_costs_only_itself(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = (
        "CREATE TABLE refuses_13 (soc SMALLINT CHECK (soc <> 13));"
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO refuses_13 VALUES (NEW.soc); RETURN NEW; END $$"
    )
    with record(postgres, tmp_path_factory, before=before, **IN_ONE_BATCH) as recording:
        with recording.database.connect() as db, db.cursor() as cursor:
            cursor.execute("ALTER TABLE battery_pack ADD CHECK (temp <> 13)")
            cursor.execute(
                "CREATE TRIGGER refuse BEFORE INSERT ON battery_pack "
                "FOR EACH ROW EXECUTE FUNCTION refuse()"
            )
        db.close()
        recording.publish(
            *[snapshot_keys(START_S + n, A, soc=n) for n in range(40)],
            *[snapshot_keys(START_S + 100 + n, A, temp=n) for n in range(40)],
        )
        recording.catch_up()
        expected = set(range(40)) - {13} | {100 + n for n in range(40)} - {113}
        assert set(times(recording, A)) == expected
        recording.catch_up()  # a batch is told of before the next one is written
        said = [line for line in recording.service.lines() if "check constraint" in line]
        assert 1 <= len(said) <= 2, "once for each constraint"


def test_two_recorders_share_the_work(
    recording: Recording, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from tests.support.harness import recorder

    with recorder(
        tmp_path_factory.mktemp("second"), recording.database, mqtt_port=recording.broker.port,
        BATCH_AGE_S=0.01, LOG_LEVEL="DEBUG",
    ) as second:  # fmt: skip
        second.wait_for_line("Connected to the MQTT broker", timeout_s=20)
        sent = 0

        def second_has_work() -> bool:
            nonlocal sent
            recording.publish(*[snapshot_keys(START_S + sent + n, "0000F00D") for n in range(50)])
            sent += 50
            return any("Recorded" in line for line in second.lines())

        eventually(second_has_work)
        eventually(lambda: len(recording.rows("0000F00D")) == sent)


def test_of_a_batch_that_is_taken_apart_each_item_is_accounted_for(
    store: Store, database: Database
) -> None:
    store.open()
    query(database, "ALTER TABLE battery_pack ADD CHECK (temp <> 13)")
    good_1, bad_1, good_2, bad_2 = (snapshot(n, temp=12 + n % 2) for n in range(4))
    written = store.write([good_1, bad_1, good_2, bad_2])
    assert written.recorded == [good_1, good_2]
    assert [one.id for one in written.rejected] == [bad_1.id, bad_2.id]
    assert all(one.reason.startswith("refused by the table: ") for one in written.rejected)
    assert written.not_kept == []
    query(
        database,
        "INSERT INTO battery_pack_rejected (topic, payload, reason) "
        "SELECT 'x', n::text::bytea, 'full' FROM generate_series(1, %s) n",
        MOST_ROWS,
    )
    good_1, bad_1, good_2, bad_2 = (snapshot(n, temp=12 + n % 2) for n in range(4, 8))
    written = store.write([good_1, bad_1, good_2, bad_2])
    assert written.recorded == [good_1, good_2]
    assert written.rejected == []
    assert [one.id for one in written.not_kept] == [bad_1.id, bad_2.id]


def test_what_not_even_the_table_of_rejected_ones_takes_costs_only_itself(
    store: Store, database: Database
) -> None:
    store.open()
    query(database, "ALTER TABLE battery_pack_rejected ADD CHECK (reason <> 'odd')")
    good, odd, fine = snapshot(), *(RejectedItem("a", b"b", reason) for reason in ("odd", "fine"))
    written = store.write([good, odd, fine])
    assert (written.recorded, written.rejected, written.not_kept) == ([good], [fine], [odd])


def test_what_is_no_row_is_stored_while_somebody_keeps_the_table_of_rows_locked(
    store: Store, database: Database
) -> None:
    store.open()
    lost, bad = event("battery_lost", 0), RejectedItem("a", b"b", "odd")
    with contextlib.closing(database.connect()) as owner, owner.cursor() as cursor:
        cursor.execute("LOCK TABLE battery_pack")
        written = store.write([lost, bad])
    assert (written.recorded, written.rejected) == ([lost], [bad])


def test_what_is_said_of_a_locked_table_quotes_what_waited_for_it(
    store: Store, database: Database
) -> None:
    store.open()
    in_haste = Store(
        Account(database.name, database.user, database.password),
        Topics(),
        Session(lock_timeout_s=0.1),
    )
    with (
        contextlib.closing(in_haste),
        contextlib.closing(database.connect()) as owner,
        owner.cursor() as cursor,
    ):
        cursor.execute("LOCK TABLE battery_pack")
        with pytest.raises(LockNotAvailable) as refusal:
            in_haste.write([snapshot()])
    assert re.search(r"lock timeout LINE \d: SELECT FROM battery_pack", reason_of(refusal.value))
