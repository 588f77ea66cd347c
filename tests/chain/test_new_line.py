"""A new console line is added in one place: a field of the Snapshot, with its Line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.harness import query

import bluenova_shared
from bluenova_tools.local import Database

# What somebody would write, in the one place; without what the Snapshot's file imports already.
FIELD = """
    humidity: Annotated[
        SmallInt | None, Line("Humidity: ", whole), Field(description="relative humidity, %")
    ] = None
"""

PROGRAM = """
import json, sys
from datetime import UTC, datetime
import psycopg2
import bluenova_shared
from bluenova_collector.console.assembler import Assembler
from bluenova_collector.console.rules import read
from bluenova_recorder.schema import prepare
from bluenova_shared.table import COLUMNS, row

assembler = Assembler("1A2B3C4D")
assembler.handle(read("Humidity: 41 %"))
assembler.handle(read("SOC: 87"))
(snapshot,) = assembler.close(datetime(2026, 11, 23, 12, tzinfo=UTC))
db = psycopg2.connect(sys.argv[1])
prepare(db)
with db, db.cursor() as cursor:
    names = ", ".join(column.name for column in COLUMNS)
    marks = ", ".join(["%s"] * len(COLUMNS))
    cursor.execute(f"INSERT INTO battery_pack ({names}) VALUES ({marks})", row(snapshot))
print(json.dumps([bluenova_shared.__file__, json.loads(snapshot.to_json())]))
"""


@pytest.mark.services
def test_a_field_with_its_line_is_read_sent_and_stored(database: Database, tmp_path: Path) -> None:
    ours = Path(bluenova_shared.__file__).parent
    copy = tmp_path / "bluenova_shared"
    shutil.copytree(ours, copy)
    text = (ours / "snapshot.py").read_text(encoding="utf-8")
    last_value = "\n    @computed_field("
    assert last_value in text
    changed = text.replace(last_value, FIELD + last_value, 1)
    (copy / "snapshot.py").write_text(changed, encoding="utf-8")

    # The table that is there already lacks the column.
    from tests.support.c_program import C_PROGRAMS_TABLE

    query(database, C_PROGRAMS_TABLE)
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, database.dsn()],
        env={"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    used, keys = json.loads(ended.stdout)
    assert Path(used).parent == copy, "the changed copy was used"
    assert (keys["humidity"], keys["soc"]) == (41, 87)
    new = query(
        database, "SELECT humidity, soc FROM battery_pack WHERE insert_time_utc > '2026-01-01'"
    )
    assert new == [(41, 87)]
    last = query(
        database,
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = 'battery_pack'::regclass AND attnum > 0 ORDER BY attnum DESC LIMIT 1",
    )
    assert last == [("humidity", "smallint")]
