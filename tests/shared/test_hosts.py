"""Hosts as people write them."""

import pytest
from pydantic import TypeAdapter, ValidationError

from bluenova_shared.setting_types import Host

HOST: TypeAdapter[str] = TypeAdapter(Host)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("10.0.0.2", "10.0.0.2"),
        ("battery", "battery"),
        (" my_battery.lan ", "my_battery.lan"),
        ("fd00::2", "fd00::2"),
        ("[fd00::2]", "fd00::2"),
        ("xn--bttery-bua.example.", "xn--bttery-bua.example."),
    ],
)
def test_a_host_is_taken(written: str, meant: str) -> None:
    assert HOST.validate_python(written) == meant


@pytest.mark.parametrize(
    "wrong", ["", "  ", "127.0.0.1:9000", "battery:9000", "ws://battery", "a..b", "x" * 64, "a b"]
)
def test_what_is_not_a_host_is_refused_with_a_reason(wrong: str) -> None:
    with pytest.raises(ValidationError):
        HOST.validate_python(wrong)
