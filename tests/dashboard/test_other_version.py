"""The database's functions, or its table, are of another version than the page."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.harness import query
from tests.support.page import Page, serving
from tests.support.questions import cells, insert, make_tables, rows

from bluenova_tools.local import Database, Postgres

pytestmark = pytest.mark.services

RENAMED = [
    ("battery_pack_series", "soc_mean", "/view/battery?id=7&range=day"),
    ("battery_pack_cell_series", "dev_mean", "/view/battery?id=7&range=day"),
    ("battery_pack_gaps_between", "cause", "/view/battery?id=7&range=day"),
    ("battery_pack_changes", "began", "/battery/jump?id=7&to=event"),
    ("battery_pack_energy", "integral_in", "/view/energy?id=7"),
    ("battery_pack_spread", "spread_max", "/view/health?id=7"),
    ("battery_pack_cycles", "capacity_ah", "/view/health?id=7"),
    ("battery_pack_rows", "cell_v", "/api/batteries/7/rows.csv"),
]
VIEWS = [
    *("/", "/view/energy?id=7", "/view/health?id=7", "/api/batteries", "/api/batteries/7/series"),
    *("/view/battery?id=7&range=day", "/api/batteries/7/changes", "/api/batteries/7/rows.csv"),
]


@pytest.fixture(scope="module")
def newer(postgres: Postgres) -> Iterator[Database]:
    database = postgres.create_database("another_version")
    make_tables(database)
    start = datetime.now(UTC).replace(tzinfo=None, microsecond=0) - timedelta(minutes=10)
    query(database, "ALTER TABLE battery_pack ADD COLUMN fan_rpm SMALLINT")
    insert(database, rows(60, start=start, mcu_id=7, soc=50, errors="", **cells(3.3, 3.31)))
    yield database
    postgres.drop_database(database.name)


@pytest.fixture(scope="module")
def other(newer: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with serving(newer, tmp_path_factory.mktemp("page")) as page:
        yield page


@pytest.mark.parametrize("view", VIEWS)
def test_more_columns_do_no_harm(newer: Database, other: Page, view: str) -> None:
    with changed(newer, "battery_pack_series", "mcu_id", "mcu_id, 1 AS added"):
        assert other.page(view).status == 200


@pytest.mark.parametrize(("function", "column", "view"), RENAMED)
def test_another_column_is_said(
    newer: Database, other: Page, function: str, column: str, view: str
) -> None:
    with changed(newer, function, column, f"{column} AS other_{column}"):
        answer = other.page(view)
        assert answer.status == 503
        assert "or has it from another version" in answer.text
    assert other.page(view).status in (200, 303)


def test_a_table_with_fewer_columns_is_said(newer: Database, other: Page) -> None:
    query(newer, "ALTER TABLE battery_pack RENAME COLUMN i_pack TO amps")
    for view in ("/view/battery?id=7&range=day", "/api/batteries/7/rows.csv"):
        assert other.page(view).status == 503
    query(newer, "ALTER TABLE battery_pack RENAME COLUMN amps TO i_pack")


@contextlib.contextmanager
def changed(database: Database, function: str, column: str, instead: str) -> Iterator[None]:
    """In place of a function one that answers with other columns, by the true one."""
    (identity, arguments, kinds), *_ = query(
        database,
        "SELECT oid::regprocedure::text, pg_get_function_arguments(oid),"
        " ARRAY(SELECT unnest(proargnames[pronargs + 1:])) FROM pg_proc WHERE proname = %s",
        function,
    )
    names = [instead if name == column else name for name in kinds]
    if column not in kinds:
        names.append(instead.rpartition(", ")[2])
    count = arguments.count(",") + 1
    marks = ", ".join(f"${n}" for n in range(1, count + 1))
    query(
        database,
        f"ALTER FUNCTION {identity} RENAME TO true_one;"
        f"CREATE VIEW other_columns AS SELECT {', '.join(names)} FROM true_one("
        + ", ".join(["NULL"] * count)
        + ");"
        f"CREATE FUNCTION {function}({arguments}) RETURNS SETOF other_columns LANGUAGE sql STABLE"
        f" AS $$ SELECT {', '.join(names)} FROM true_one({marks}) $$",
    )
    yield
    true_one = identity.replace(function, "true_one", 1)
    query(
        database,
        f"DROP FUNCTION {identity}; DROP VIEW other_columns;"
        f"ALTER FUNCTION {true_one} RENAME TO {function}",
    )
