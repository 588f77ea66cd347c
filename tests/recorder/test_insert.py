"""A few rows go as JSON and many by COPY: the table has the same either way."""

import contextlib
import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.databases import odd_database
from tests.support.factories import snapshot
from tests.support.harness import query
from tests.support.strategies import snapshots

from bluenova_recorder.account import Account
from bluenova_recorder.insert import FEW, json_rows
from bluenova_recorder.store import Store
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.table import COLUMNS, row
from bluenova_shared.topics import Topics
from bluenova_tools.local import Database, Postgres

NAMES = ", ".join(column.name for column in COLUMNS)


@pytest.fixture(scope="module")
def at_work(postgres: Postgres) -> Iterator[tuple[Database, Store]]:
    with odd_database(postgres) as database, pytest.MonkeyPatch.context() as environment:
        for name, value in database.environment().items():
            environment.setenv(name, value)
        with contextlib.closing(
            Store(Account(database.name, database.user, database.password), Topics())
        ) as store:
            store.open()
            yield database, store


@pytest.mark.services
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(snapshots, min_size=1, max_size=4, unique_by=lambda one: (one.time, one.mcu_id)))
def test_any_snapshot_is_the_same_in_the_table_however_it_came(
    at_work: tuple[Database, Store], given: list[Snapshot]
) -> None:
    database, store = at_work
    others = [snapshot(n, "0000F111") for n in range(FEW + 1)]
    given = [one for one in given if one.mcu_id != "0000F111"]
    found = []
    for batch in (given, [*others, *given]):
        query(database, "TRUNCATE battery_pack")
        assert not store.write(batch).rejected
        found.append(
            query(
                database,
                f"SELECT {NAMES} FROM battery_pack WHERE mcu_id <> %s ORDER BY 1, 2",
                0xF111,
            )
        )
        assert not store.write(batch).rejected, "the same again is not another one"
    assert found[0] == found[1]
    assert len(found[0]) == len(given)


@given(snapshots)
def test_the_json_of_any_snapshot_has_its_texts_as_they_are(one: Snapshot) -> None:
    (found,) = json.loads(json_rows([row(one)]))
    assert found["mcu_id"] == int(one.mcu_id, 16)
    for name in ("errors", "system_state", "breaker", "charge_state"):
        assert found.get(name) == getattr(one, name)


@pytest.mark.services
def test_a_batch_of_a_few_rows_costs_the_servers_log_little() -> None:
    """An SD card wears out: a stage for each row would cost it a quarter of a gigabyte a day."""
    with Postgres() as server, pytest.MonkeyPatch.context() as environment:
        for name, value in server.environment().items():
            environment.setenv(name, value)
        account = Account("postgres", server.user, server.password)
        position = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint"
        with contextlib.closing(Store(account, Topics())) as store:
            store.write([snapshot(0)])
            ((before,),) = query(server.database(), position)
            for n in range(1, 51):
                store.write([snapshot(n)])
            ((after,),) = query(server.database(), position)
    assert (after - before) / 50 < 4000
