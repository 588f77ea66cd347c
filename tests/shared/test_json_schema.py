"""The JSON Schema that other programs read; that the one in docs is current, tests/docs sees to."""

from bluenova_shared.snapshot import Snapshot


def test_each_quantity_in_the_schema_says_what_it_is() -> None:
    schema = Snapshot.model_json_schema(mode="serialization", by_alias=True)
    undescribed = [k for k, about in schema["properties"].items() if not about.get("description")]
    assert schema["properties"]
    assert not undescribed
