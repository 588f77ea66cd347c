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
        ("FD00:0::2", "fd00::2"),
        ("x" * 63, "x" * 63),
    ],
)
def test_a_host_is_taken(written: str, meant: str) -> None:
    assert HOST.validate_python(written) == meant


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("ws://battery", "looks like a URL or a path"),
        ("battery/ws", "looks like a URL or a path"),
        ("127.0.0.1:9000", "port has a setting of its own"),
        ("battery:9000", "port has a setting of its own"),
        ("[fd00::2]:9000", "port has a setting of its own"),
        ("a..b", r"host name or address \["),
        ("x" * 64, r"host name or address \["),
        ("a b", r"host name or address \["),
    ],
)
def test_what_is_not_a_host_is_refused_with_a_reason(wrong: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        HOST.validate_python(wrong)
