"""Many rows at once go straight into the table if it takes them all, and by a stage if not."""

import contextlib
import io
import threading
from collections.abc import Iterator

import psycopg2
import pytest
from tests.support.factories import snapshot
from tests.support.harness import eventually, query

from bluenova_recorder.account import Account
from bluenova_recorder.insert import COPY_STRAIGHT, COPY_TO_STAGE, FEW, STAGE, Rows
from bluenova_recorder.store import BATCHES_BY_STAGE, Store
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.table import row
from bluenova_shared.topics import Topics
from bluenova_tools.local import Database

pytestmark = pytest.mark.services

MANY = FEW + 10
# What JSON and COPY write in their own ways.
TEXTS = [
    '"', "\\", 'a"', "a\\", '\\"', "\\\\", '"\\', "\\.", "\n\\.\n", "\r\n", "\t", ",",
    "\\n", "\\u0041", "\\N", "null", '"null"', "", " ", "\x01", "\x7f\x80",
    "\u2028", "Ü", "\U0001f50b" * 32,
]  # fmt: skip
# Each temporary table that anybody makes leaves a row.
NOTE_STAGES = """
CREATE TABLE stages (made TIMESTAMPTZ DEFAULT now());
CREATE FUNCTION note_stage() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO stages DEFAULT VALUES;
END $$;
CREATE EVENT TRIGGER note_stage ON ddl_command_end WHEN TAG IN ('CREATE TABLE AS')
EXECUTE FUNCTION note_stage();
"""


def batch(first: int, many: int = MANY) -> list[Snapshot]:
    return [snapshot(n) for n in range(first, first + many)]


def count(database: Database, what: str = "battery_pack") -> int:
    ((found,),) = query(database, f"SELECT count(*) FROM {what}")
    return int(found)


@pytest.fixture
def noting(store: Store, database: Database) -> Iterator[Store]:
    """A store whose stages are counted."""
    store.open()
    query(database, NOTE_STAGES)
    yield store
    query(database, "DROP EVENT TRIGGER note_stage")


@pytest.mark.parametrize("standard", ["on", "off"])
def test_any_text_is_stored_as_it_is_either_way(
    standard: str, store: Store, database: Database
) -> None:
    """Not by the store: what COPY refuses, it would write one by one."""
    store.open()
    rows = Rows.of([row(snapshot(n, errors=text)) for n, text in enumerate(TEXTS)])
    with contextlib.closing(database.connect()) as db, db.cursor() as cursor:
        cursor.execute(f"SET standard_conforming_strings = {standard}")
        cursor.copy_expert(COPY_STRAIGHT, io.BytesIO(rows.for_table()))
        cursor.execute("SELECT errors FROM battery_pack ORDER BY insert_time_utc")
        assert [text for (text,) in cursor.fetchall()] == TEXTS
        cursor.execute(STAGE)
        cursor.copy_expert(COPY_TO_STAGE, io.BytesIO(rows.for_stage()))
        cursor.execute("SELECT errors FROM stage ORDER BY n")
        assert [text for (text,) in cursor.fetchall()] == TEXTS


def test_new_rows_need_no_stage(noting: Store, database: Database) -> None:
    for first in (0, MANY):
        assert len(noting.write(batch(first)).recorded) == MANY
    assert count(database) == 2 * MANY
    assert count(database, "stages") == 0


def test_if_a_row_is_there_already_the_others_go_by_a_stage(
    noting: Store, database: Database
) -> None:
    noting.write(batch(0))
    written = noting.write([*batch(MANY), snapshot(5), snapshot(6, soc=1), *batch(2 * MANY)])
    assert len(written.recorded) == 2 * MANY + 1
    assert [one.reason for one in written.rejected] == ["time taken: its row has other values"]
    assert count(database) == 3 * MANY
    assert count(database, "stages") == 1


def test_where_the_same_is_stored_twice_all_the_time_errors_in_the_servers_log_are_few(
    noting: Store, database: Database
) -> None:
    for _ in range(6):
        assert len(noting.write(batch(0)).recorded) == MANY
    assert count(database, "stages") == 5
    for n in range(1, BATCHES_BY_STAGE - 3):
        noting.write(batch(n * MANY))
    assert count(database, "stages") == BATCHES_BY_STAGE + 1
    noting.write(batch(BATCHES_BY_STAGE * MANY))
    assert count(database, "stages") == BATCHES_BY_STAGE + 1, "it tries again"
    noting.close()  # then the server counts its transactions
    rolled_back = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()"
    eventually(lambda: query(database, rolled_back) == [(1,)])


def test_what_a_trigger_keeps_out_is_named_and_costs_only_itself(
    store: Store, database: Database
) -> None:
    store.open()
    query(
        database,
        "CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF NEW.temp = 13 THEN RETURN NULL; END IF; RETURN NEW; END $$;"
        "CREATE TRIGGER skip BEFORE INSERT ON battery_pack FOR EACH ROW EXECUTE FUNCTION skip()",
    )
    kept_out = snapshot(MANY, temp=13)
    written = store.write([*batch(0), kept_out])
    assert [one.id for one in written.rejected] == [kept_out.id]
    assert "kept out by" in written.rejected[0].reason
    assert count(database) == len(written.recorded) == MANY


def test_what_an_exclusion_keeps_out_is_named_and_costs_only_itself(
    store: Store, database: Database
) -> None:
    store.open()
    mine = "ALTER TABLE battery_pack ADD CONSTRAINT mine EXCLUDE (insert_time_utc WITH =)"
    query(database, mine)
    kept_out = snapshot(5, "0000000B")
    written = store.write([*batch(0), kept_out])
    # Of two rows for one time the one with the lower key comes first.
    assert [one.mcu_id for one in written.rejected] == ["1A2B3C4D"]
    assert count(database) == len(written.recorded) == MANY


@pytest.mark.parametrize(
    "done",
    [
        pytest.param("DROP INDEX battery_pack_key", id="no key"),
        pytest.param("CREATE TABLE heir () INHERITS (battery_pack)", id="an heir"),
        pytest.param(
            "ALTER TABLE battery_pack RENAME TO old;"
            "CREATE TABLE battery_pack (LIKE old) PARTITION BY RANGE (insert_time_utc);"
            "CREATE UNIQUE INDEX mine ON battery_pack (mcu_id, insert_time_utc);"
            "CREATE TABLE ever PARTITION OF battery_pack DEFAULT",
            id="partitions",
        ),
    ],
)
def test_rows_go_by_a_stage_if_no_key_or_no_order_holds_for_a_copy(
    done: str, noting: Store, database: Database
) -> None:
    query(database, done)
    for _ in range(2):
        assert len(noting.write(batch(0)).recorded) == MANY
    assert count(database) == MANY
    assert count(database, "stages") == 2


@pytest.mark.parametrize(
    "done",
    [
        pytest.param(
            "CREATE TABLE seen (n BIGINT); CREATE RULE note AS ON INSERT TO battery_pack"
            " DO ALSO INSERT INTO seen VALUES (NEW.mcu_id)",
            id="a rule",
        ),
        pytest.param(
            "ALTER TABLE battery_pack ADD COLUMN n SERIAL,"
            " ADD CONSTRAINT late UNIQUE (n) DEFERRABLE",
            id="a key that is looked at late",
        ),
    ],
)
@pytest.mark.parametrize("many", [1, MANY])
def test_what_keeps_rows_out_keeps_many_out_as_it_does_one(
    done: str, many: int, store: Store, database: Database
) -> None:
    store.open()
    query(database, done)
    with pytest.raises(psycopg2.Error):
        store.write(batch(0, many))
    assert count(database) == 0


def test_rows_go_where_there_is_row_level_security(store: Store, database: Database) -> None:
    store.open()
    query(
        database,
        "DROP ROLE IF EXISTS guarded; CREATE ROLE guarded LOGIN PASSWORD 'g';"
        "GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO guarded;"
        "ALTER TABLE battery_pack ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY own ON battery_pack USING (TRUE) WITH CHECK (TRUE);"
        "ALTER TABLE battery_pack OWNER TO guarded;"
        "ALTER TABLE battery_pack FORCE ROW LEVEL SECURITY;"
        "GRANT CREATE ON SCHEMA public TO guarded",
    )
    with contextlib.closing(Store(Account(database.name, "guarded", "g"), Topics())) as guarded:
        assert len(guarded.write(batch(0)).recorded) == MANY
    assert count(database) == MANY


def test_two_recorders_with_the_same_rows_never_wait_for_each_other(
    store: Store, database: Database
) -> None:
    store.open()
    entries = batch(0, 3000)
    failed: list[Exception] = []

    def write(one: Store, rows: list[Snapshot]) -> None:
        at_once.wait()
        try:
            one.write(rows)
        except Exception as error:
            failed.append(error)

    for _ in range(3):
        query(database, "TRUNCATE battery_pack")
        at_once = threading.Barrier(2)
        with contextlib.ExitStack() as stack:
            threads = []
            for rows in (entries, entries[::-1]):
                account = Account(database.name, database.user, database.password)
                one = stack.enter_context(contextlib.closing(Store(account, Topics())))
                one.open()
                threads.append(threading.Thread(target=write, args=(one, rows)))
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert failed == []
        assert count(database) == len(entries)
