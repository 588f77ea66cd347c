"""The JSON Schema that other programs read is the Snapshot's own."""

import json
from pathlib import Path

from bluenova_shared.snapshot import Snapshot

SCHEMA = Path(__file__).parents[2] / "docs" / "snapshot.schema.json"


def test_the_json_schema_in_docs_is_current() -> None:
    current = Snapshot.model_json_schema(mode="serialization", by_alias=True)
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == current, "Run: make schema"


def test_each_quantity_in_the_schema_says_what_it_is() -> None:
    schema = Snapshot.model_json_schema(mode="serialization", by_alias=True)
    undescribed = [k for k, about in schema["properties"].items() if not about.get("description")]
    assert not undescribed
