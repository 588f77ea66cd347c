"""The rights in other brokers' words are those of mosquitto/acl."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORDS = {"write": ["publish"], "read": ["subscribe"], "readwrite": ["publish", "subscribe"]}


def block(kind: str) -> str:
    """The first block of that kind in docs/brokers.md."""
    text = (ROOT / "docs/brokers.md").read_text(encoding="utf-8")
    found = re.search(rf"^```{kind}\n(.*?)^```$", text, re.M | re.S)
    assert found
    return found[1]


def mosquitto_s() -> set[tuple[str, str, str]]:
    rights, user = set(), ""
    for line in (ROOT / "mosquitto/acl").read_text(encoding="utf-8").splitlines():
        match line.split():
            case ["user", user]:
                pass
            case ["topic", right, topic] if user != "health":  # the broker's own account
                rights |= {(user, word, topic) for word in WORDS[right]}
    return rights


def test_emqx_s_rights() -> None:
    rule = re.compile(r'\{allow, \{username, "(\w+)"\}, (\w+),\s*\[(.*?)\]\}\.', re.S)
    rights = {
        (user, right, topic)
        for user, right, topics in rule.findall(block("erlang"))
        for topic in re.findall(r'"([^"]+)"', topics)
    }
    assert rights == mosquitto_s()
    assert block("erlang").endswith("{deny, all}.\n")


def test_hivemq_s_rights() -> None:
    tree = ET.fromstring(block("xml"))  # noqa: S314  # it is our own document
    rights = {
        (role.findtext("id"), str(one.findtext("activity")).lower(), one.findtext("topic"))
        for role in tree.iterfind("roles/role")
        for one in role.iterfind("permissions/permission")
    }
    assert rights == mosquitto_s()
    roles = {
        user.findtext("name"): user.findtext("roles/id") for user in tree.iterfind("users/user")
    }
    assert roles == {user: user for user, _, _ in mosquitto_s()}
