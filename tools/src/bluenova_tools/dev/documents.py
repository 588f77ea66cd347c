"""`make schema`: writes what the documents take from the code.

The JSON Schemas, the tables of docs/settings.md, and the example and the keys of docs/mqtt.md.
Tests hold all of them current.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, SecretStr
from pydantic.fields import ComputedFieldInfo, FieldInfo

from bluenova_collector.console.assembler import Assembler
from bluenova_collector.console.rules import read
from bluenova_collector.settings import CollectorSettings
from bluenova_collector.status import Status
from bluenova_dashboard.settings import DashboardSettings, ReportSettings
from bluenova_recorder.settings import RecorderSettings
from bluenova_shared.quantity import Line
from bluenova_shared.settings import PlainSettings, ServiceSettings
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.table import COLUMNS, marked
from bluenova_tools.simulator.battery import Pack, PackSettings
from bluenova_tools.simulator.console import round_of_lines

SCHEMAS: dict[str, type[BaseModel]] = {
    "docs/snapshot.schema.json": Snapshot,
    "docs/status.schema.json": Status,
}
# Documents with parts between `<!-- made by make schema: NAME -->` and `<!-- end -->`.
DOCUMENTS = ("docs/mqtt.md", "docs/settings.md")
_PART = re.compile(r"(<!-- made by make schema: (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def schema(model: type[BaseModel]) -> str:
    """The model's JSON Schema, as a file's text."""
    made = model.model_json_schema(mode="serialization", by_alias=True)
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def settings_table(settings: type[PlainSettings], *, without: type[BaseModel] | None) -> str:
    """The settings as a Markdown table, less those that another class has already."""
    shortcuts = settings.model_config.get("cli_shortcuts") or {}
    rows = []
    for name, field in settings.model_fields.items():
        if without is not None and name in without.model_fields:
            continue
        flag = name.replace("_", "-")
        short = shortcuts.get(flag)
        flags = f"`--{flag}`" + (f", `-{short}`" if isinstance(short, str) else "")
        variable = f"`{name.upper()}`"
        if "SecretStr" in str(field.annotation):
            variable += f" or `{name.upper()}_FILE`"
        about = (field.description or "").replace("|", "\\|")
        rows.append([variable, flags, _default(field), about])
    return _table(["variable", "flag", "default", "meaning"], rows)


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value == "":
        return ""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool):
        value = str(value).lower()
    return f"`{value}`"


def example_snapshot() -> str:
    """What the collector makes of a simulated battery's lines, as JSON that fits a page."""
    pack = Pack(PackSettings(seed=3))
    assembler = Assembler()
    for number in (1, 2):  # the energy totals come now and then
        pack.advance(60)
        for line in round_of_lines(pack, number):
            assembler.handle(read(line.text))
    (snapshot,) = assembler.close(datetime(2026, 11, 23, 12, 0, 10, tzinfo=UTC))
    # What the collector adds; and as if the battery had not told its health in this interval.
    added = {"id": "2d9f3ee0e5530493", "cell_spread_alarm": False, "health": None}
    values = json.loads(snapshot.model_copy(update=added).to_json())
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in values.items()]
    return "```json\n{\n" + ",\n".join(lines) + "\n}\n```\n"


def snapshot_keys() -> str:
    """The snapshot's keys as a Markdown table: what each means, and its columns in the table."""
    columns: dict[str, list[str]] = {}
    for column in COLUMNS:
        columns.setdefault(column.field, []).append(column.name)
    return _keys_table(Snapshot, columns)


def _keys_table(model: type[BaseModel], columns: dict[str, list[str]] | None = None) -> str:
    rows = []
    fields: dict[str, FieldInfo | ComputedFieldInfo] = {
        **model.model_fields,
        **model.model_computed_fields,
    }
    for name, field in fields.items():
        cells = [f"`{field.alias or name}`", (field.description or "") + _limits(field)]
        if columns:
            names = columns.get(name, [])
            cells.append(" … ".join(f"`{n}`" for n in dict.fromkeys(names[:1] + names[-1:])))
        rows.append(cells)
    return _table(["key", "meaning", *(["column"] if columns else [])], rows)


def _limits(field: FieldInfo | ComputedFieldInfo) -> str:
    line = marked(field, Line) if isinstance(field, FieldInfo) else None
    if line is None or line.between is None:
        return ""
    return "; {:g} to {:g}, all else is unreadable".format(*line.between)


def _table(heading: list[str], rows: list[list[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


PARTS: dict[str, Callable[[], str]] = {
    "shared_settings": lambda: settings_table(ServiceSettings, without=None),
    "collector_settings": lambda: settings_table(CollectorSettings, without=ServiceSettings),
    "recorder_settings": lambda: settings_table(RecorderSettings, without=ServiceSettings),
    "dashboard_settings": lambda: settings_table(DashboardSettings, without=RecorderSettings),
    "report_settings": lambda: settings_table(ReportSettings, without=DashboardSettings),
    "example": example_snapshot,
    "snapshot_keys": snapshot_keys,
    "status_keys": lambda: _keys_table(Status),
}


def with_parts(text: str) -> str:
    """A document's text with its made parts made anew."""
    return _PART.sub(lambda part: f"{part[1]}{PARTS[part['name']]()}{part[3]}", text)


def made(root: Path) -> Iterator[tuple[Path, str]]:
    """Each file below `root` that is made, wholly or in part, and what it should hold."""
    for name, model in SCHEMAS.items():
        yield root / name, schema(model)
    for name in DOCUMENTS:
        yield root / name, with_parts((root / name).read_text(encoding="utf-8"))


def main() -> int:
    """Writes them, in the current folder's docs."""
    about = "Write what the documents take from the code, into docs below the current folder."
    argparse.ArgumentParser("documents", description=about).parse_args()
    for path, text in made(Path.cwd()):
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(Path.cwd())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
