"""Times are stored in UTC, whatever zone the server, the account or the environment is in."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.c_program import C_PROGRAMS_TABLE, DUPLICATES
from tests.support.databases import odd_database, recording_in
from tests.support.factories import START_S, snapshot_keys
from tests.support.harness import eventually, query

from bluenova_tools.local import Postgres

pytestmark = pytest.mark.services

WITH_ZONE = C_PROGRAMS_TABLE.replace("insert_time_utc TIMESTAMP,", "insert_time_utc TIMESTAMPTZ,")
FAR = "Africa/Johannesburg"  # two hours ahead, all year round
NEW_S = START_S + 20 * 365 * 86400


@pytest.mark.parametrize("duplicates", ["", DUPLICATES], ids=["without", "with duplicates"])
@pytest.mark.parametrize("table", [C_PROGRAMS_TABLE, WITH_ZONE], ids=["without a zone", "with one"])
@pytest.mark.parametrize("setting", ["database", "PGTZ"])
def test_a_row_has_the_snapshots_time_and_comes_once(
    setting: str, table: str, duplicates: str, postgres: Postgres, tmp_path: Path
) -> None:
    with odd_database(postgres, before=table + duplicates) as database:
        more: dict[str, Any] = {}
        if setting == "PGTZ":
            more["PGTZ"] = FAR
        else:
            query(database, f"ALTER DATABASE {database.name} SET timezone = '{FAR}'")
        with recording_in(database, tmp_path, **more) as recording:
            for _ in range(2):
                recording.publish(snapshot_keys(NEW_S, soc=5), snapshot_keys(START_S, soc=6))
                eventually(
                    lambda: query(database, "SELECT 1 FROM battery_pack WHERE soc = 6 "
                                  "AND insert_time_utc > '2026-01-01'")
                )  # fmt: skip
            recording.service.wait_for_line("kept unique" if duplicates else "has a unique key")
            recording.publish(snapshot_keys(NEW_S, soc=5), snapshot_keys(NEW_S + 10, soc=7))
            new = "SELECT soc FROM battery_pack WHERE insert_time_utc > '2026-01-01' AND soc = 7"
            eventually(lambda: query(database, new))
            found = query(
                database,
                "SET LOCAL timezone = 'UTC'; SELECT soc, insert_time_utc::timestamp::text "
                "FROM battery_pack WHERE insert_time_utc > '2026-01-01' ORDER BY soc",
            )
            assert found == [
                (soc, str(datetime.fromtimestamp(time_s, UTC).replace(tzinfo=None)))
                for soc, time_s in ((5, NEW_S), (6, START_S), (7, NEW_S + 10))
            ]
            assert not [line for line in recording.service.lines() if "has to wait" in line]


@pytest.mark.parametrize("table", [C_PROGRAMS_TABLE, WITH_ZONE], ids=["without a zone", "with one"])
@pytest.mark.parametrize("reader", ["UTC", FAR])
def test_gaps_are_as_long_as_they_are_for_a_reader_in_any_zone(
    reader: str, table: str, postgres: Postgres, tmp_path: Path
) -> None:
    with odd_database(postgres, before=table + "TRUNCATE battery_pack") as database:
        with recording_in(database, tmp_path) as recording:
            recording.publish(*[snapshot_keys(START_S + s) for s in (0, 10, 3600, 3610)])
            recording.catch_up()
        query(
            database,
            "INSERT INTO battery_pack_events SELECT to_timestamp(%s) AT TIME ZONE 'UTC', %s, "
            "'battery_lost', 10",
            *(START_S + 30, 0x1A2B3C4D),
        )
        found = query(
            database,
            f"SET LOCAL timezone = '{reader}'; SELECT gap, cause FROM battery_pack_gaps "
            "WHERE mcu_id = %s AND gap_to IS NOT NULL",
            0x1A2B3C4D,
        )
        assert found == [(timedelta(seconds=3590), "battery lost")]
        now = "now()" if table == WITH_ZONE else "now() AT TIME ZONE 'UTC'"
        query(
            database,
            f"UPDATE battery_pack SET insert_time_utc = {now} - INTERVAL '90 s' WHERE mcu_id <> %s",
            0x1A2B3C4D,
        )
        ((gap,),) = query(
            database,
            f"SET LOCAL timezone = '{reader}'; SELECT gap FROM battery_pack_gaps "
            "WHERE mcu_id <> %s",
            0x1A2B3C4D,
        )
        assert timedelta(seconds=90) <= gap < timedelta(seconds=120)
