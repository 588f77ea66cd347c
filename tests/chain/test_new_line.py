"""A new console line is added in one place: ARCHITECTURE.md's example of a field, and no more."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.c_program import C_PROGRAMS_TABLE
from tests.support.harness import query

import bluenova_shared
from bluenova_tools.local import Database

ARCHITECTURE = Path(__file__).parents[2] / "ARCHITECTURE.md"

PROGRAM = """
import json, sys
from datetime import UTC, datetime
import psycopg2
import bluenova_shared
from bluenova_collector.console.assembler import Assembler
from bluenova_collector.console.rules import read
from bluenova_collector.homeassistant.discovery import Describer
from bluenova_recorder.schema import prepare
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.table import COLUMNS, row
from bluenova_shared.topics import Topics

assembler = Assembler("1A2B3C4D")
assembler.handle(read("Fan: 1200 rpm"))
assembler.handle(read("SOC: 87"))
(snapshot,) = assembler.close(datetime(2026, 11, 23, 12, tzinfo=UTC))
db = psycopg2.connect(sys.argv[1])
prepare(db)
with db, db.cursor() as cursor:
    names = ", ".join(column.name for column in COLUMNS)
    marks = ", ".join(["%s"] * len(COLUMNS))
    cursor.execute(f"INSERT INTO battery_pack ({names}) VALUES ({marks})", row(snapshot))
describer = Describer(Topics(), "x", "0", interval_s=10, energy_unit="kWh")
told = [json.loads(message.payload)["cmps"] for message in describer.discovery("1A2B3C4D", 16)]
print(json.dumps({
    "used": bluenova_shared.__file__,
    "json": json.loads(snapshot.to_json()),
    "schema": Snapshot.model_json_schema(mode="serialization")["properties"]["fan_rpm"],
    "sensor": next(part["fan_rpm"] for part in told if "fan_rpm" in part),
}))
"""


@pytest.mark.services
def test_a_field_with_its_line_is_read_sent_stored_and_shown(
    database: Database, tmp_path: Path
) -> None:
    section = ARCHITECTURE.read_text(encoding="utf-8").partition("## A new console line")[2]
    (field,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    ours = Path(bluenova_shared.__file__).parent
    copy = tmp_path / "bluenova_shared"
    shutil.copytree(ours, copy)
    text = (ours / "snapshot.py").read_text(encoding="utf-8")
    last_value = "\n    @computed_field("
    assert last_value in text
    changed = text.replace(last_value, f"\n{field}{last_value}", 1)
    (copy / "snapshot.py").write_text(changed, encoding="utf-8")

    # The table that is there already lacks the column.
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
    made = json.loads(ended.stdout)
    assert Path(made["used"]).parent == copy, "the changed copy was used"
    assert (made["json"]["fan_rpm"], made["json"]["soc"]) == (1200, 87)
    assert made["schema"]["description"] == "fan speed, rpm"
    assert (made["sensor"]["name"], made["sensor"]["unit_of_meas"]) == ("Fan", "rpm")
    new = query(
        database, "SELECT fan_rpm, soc FROM battery_pack WHERE insert_time_utc > '2026-01-01'"
    )
    assert new == [(1200, 87)]
    last = query(
        database,
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = 'battery_pack'::regclass AND attnum > 0 ORDER BY attnum DESC LIMIT 1",
    )
    assert last == [("fan_rpm", "smallint")]
