"""The examples of docs/home-assistant.md, loaded by a real Home Assistant."""

import re
import textwrap
from pathlib import Path

import pytest
from tests.homeassistant.live.house import House
from tests.support.documents import examples
from tests.support.harness import eventually

pytestmark = pytest.mark.timeout(600)

DOCUMENT = Path(__file__).parents[3] / "docs" / "home-assistant.md"
EXAMPLES = examples(DOCUMENT.read_text(encoding="utf-8"))
PLAIN = ["my_battery_soc", "my_battery_power", "my_battery_cell_7", "my_battery_problem"]


@pytest.fixture(scope="module")
def configuration() -> str:
    automations = textwrap.indent(EXAMPLES["Automations"], "  ")
    return f"{EXAMPLES['Plain sensors']}\nautomation:\n{automations}"


def test_plain_sensors_show_the_same_as_the_discovered_ones(house: House) -> None:
    def show_the_same() -> bool:
        entities = house.home_assistant.entities()
        ours = [house.units[0].id(key) for key in ("soc", "power", "cell_v_07", "problem")]
        pairs = [
            (entities[plain]["state"], entities[our]["state"])
            for plain, our in zip(PLAIN, ours, strict=True)
        ]
        return all(plain == our != "unknown" for plain, our in pairs)

    eventually(show_the_same, timeout_s=30)


def test_the_dashboard_and_the_automations_name_entities_that_there_are(house: House) -> None:
    there_are = {entity["entity_id"] for entity in house.home_assistant.entities().values()}
    for name in ("A view for one battery", "Automations"):
        named = set(re.findall(r"\b(?:binary_)?sensor\.bluenova_\w+", EXAMPLES[name]))
        assert named
        assert named <= there_are


@pytest.mark.parametrize(
    ("automation", "words"),
    [
        ("a_battery_cell_drifts_away", r"Cell \d+ has 3\.\d+ V, cell \d+ has 3\.\d+ V\."),
        ("the_battery_is_offline", r"nothing has been heard of battery 1A2B3C4D"),
    ],
)
def test_an_automation_tells_what_is_the_matter(house: House, automation: str, words: str) -> None:
    target = {"entity_id": f"automation.{automation}"}
    house.home_assistant.api.call(
        "call_service", domain="automation", service="trigger", target=target
    )

    def told() -> bool:
        notes = house.home_assistant.api.call("persistent_notification/get")
        return any(re.search(words, note["message"]) for note in notes)

    eventually(told, timeout_s=10)


def test_home_assistant_has_nothing_to_complain_about(house: House) -> None:
    assert not house.home_assistant.complaints()
