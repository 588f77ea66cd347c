"""What Home Assistant is told, by itself: no Home Assistant is needed to look at it."""

import json
import re
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from tests.support.documents import unique_ids

from bluenova_collector.homeassistant.discovery import PARTS, Describer
from bluenova_collector.status import Status
from bluenova_shared.message import Message
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.table import quantities
from bluenova_shared.topics import Topics

DOCUMENT = Path(__file__).parents[2] / "docs" / "home-assistant.md"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


# The abbreviations that Home Assistant 2025.4.4 and 2026.11.0 know, as far as they are used.
WORDS = {
    "avty": "availability",
    "avty_mode": "availability_mode",
    "cmps": "components",
    "dev": "device",
    "dev_cla": "device_class",
    "en": "enabled_by_default",
    "ent_cat": "entity_category",
    "exp_aft": "expire_after",
    "ic": "icon",
    "ids": "identifiers",
    "mdl": "model",
    "mf": "manufacturer",
    "o": "origin",
    "off_dly": "off_delay",
    "p": "platform",
    "sn": "serial_number",
    "stat_cla": "state_class",
    "stat_t": "state_topic",
    "sug_dsp_prc": "suggested_display_precision",
    "sw": "sw_version",
    "t": "topic",
    "uniq_id": "unique_id",
    "unit_of_meas": "unit_of_measurement",
    "val_tpl": "value_template",
}


def spelt_out(said: dict[str, Any]) -> dict[str, Any]:
    return {WORDS.get(key, key): value for key, value in said.items()}


def messages(cells: int = 16, topics: Topics | None = None, **changes: Any) -> list[Message]:
    settings = {"interval_s": 10, "energy_unit": "kWh", **changes}
    describer = Describer(topics or Topics(), "c0ffee00", "1.2.3", **settings)
    return describer.discovery("1A2B3C4D", cells)


def parts(cells: int = 16, **changes: Any) -> dict[str, dict[str, Any]]:
    """What each part says, by its name, with all keys spelt out."""
    told = {}
    for message in messages(cells, **changes):
        assert (message.qos, message.retain) == (1, True)
        part = json.loads(message.payload, object_hook=spelt_out)
        name = re.search(r"/bluenova_1A2B3C4D_(\w+)/", message.topic)
        assert name
        told[name[1]] = part
    return told


def components(cells: int = 16, **changes: Any) -> dict[str, dict[str, Any]]:
    """The sensors of all parts; the collector's figures with the topic that their part has."""
    told: dict[str, dict[str, Any]] = {}
    for name, part in parts(cells, **changes).items():
        shared = {"state_topic": part["state_topic"]} if name == "collector" else {}
        told |= {key: shared | component for key, component in part["components"].items()}
    return told


def present(cells: int) -> dict[str, dict[str, Any]]:
    return {key: c for key, c in components(cells).items() if "unique_id" in c}


def test_every_quantity_has_an_entity() -> None:
    stems = {re.sub(r"_\d\d$", "", key) for key in components()}
    assert {name for name, *_ in quantities()} <= stems
    assert {"power", "cell_delta", "cell_lowest", "cell_highest", "cell_spread_alarm"} <= stems
    assert {"problem", "connected", "waiting", "last_snapshot", "reconnects"} <= stems


def test_the_unique_ids_are_those_of_the_contract() -> None:
    promised = unique_ids(DOCUMENT.read_text(encoding="utf-8"))
    assert {c["unique_id"] for c in present(16).values()} == promised


@pytest.mark.parametrize("cells", [1, 8, 16])
def test_a_battery_has_entities_for_its_own_cells_only(cells: int) -> None:
    for field in ("cell_v", "cell_t"):
        keys = [key for key in present(cells) if key.startswith(field)]
        assert keys == [f"{field}_{number:02d}" for number in range(1, cells + 1)]


def test_what_a_smaller_battery_does_not_have_is_removed() -> None:
    removed = {key: c for key, c in components(8).items() if "unique_id" not in c}
    gone = [f"{field}_{number:02d}" for field in ("cell_v", "cell_t") for number in range(9, 17)]
    assert removed == {key: {"platform": "sensor"} for key in gone}


def test_what_there_is_once_for_each_battery_stays_however_few_its_cells() -> None:
    assert [key for key in present(1) if key.startswith("adc_0")] == [f"adc_0{n}" for n in range(5)]


def test_cells_and_channels_are_numbered_as_on_the_console() -> None:
    told = components()
    assert told["cell_v_01"]["value_template"] == "{{value_json.cell_v[0]}}"
    assert told["cell_v_16"]["value_template"] == "{{value_json.cell_v[15]}}"
    assert told["adc_00"]["value_template"] == "{{value_json.adc[0]}}"


def test_each_message_tells_of_the_device_as_a_whole() -> None:
    for name, told in parts().items():
        assert told["device"] == {
            "identifiers": ["bluenova_1A2B3C4D"],
            "name": "BlueNova 1A2B3C4D",
            "manufacturer": "BlueNova",
            "model": "LiFePO4 battery",
            "serial_number": "1A2B3C4D",
        }
        assert told["origin"] == {"name": "BlueNova battery monitor", "sw_version": "1.2.3"}
        last = "status" if name == "collector" else "snapshot"
        assert told["state_topic"] == f"bluenova/1A2B3C4D/{last}"


A_SENSOR = {"platform": "sensor", "expire_after": 60}
AN_ALARM = {"platform": "binary_sensor", "device_class": "problem", "expire_after": 60}
MEASURED = {"state_class": "measurement"}
QUIET = {"entity_category": "diagnostic"}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        pytest.param(
            "soc",
            A_SENSOR
            | MEASURED
            | {
                "name": "State of charge",
                "value_template": "{{value_json.soc}}",
                "unit_of_measurement": "%",
                "device_class": "battery",
                "suggested_display_precision": 0,
            },
            id="a number",
        ),
        pytest.param(
            "cell_t_16",
            A_SENSOR
            | MEASURED
            | QUIET
            | {
                "name": "Cell 16 temperature",
                "value_template": "{{value_json.cell_t[15]}}",
                "unit_of_measurement": "°C",
                "device_class": "temperature",
                "suggested_display_precision": 0,
                "enabled_by_default": False,
            },
            id="a number of a series",
        ),
        pytest.param(
            "energy_in",
            A_SENSOR
            | {
                "name": "Energy in",
                "value_template": "{{value_json.energy_in}}",
                "unit_of_measurement": "kWh",
                "device_class": "energy",
                "state_class": "total_increasing",
                "suggested_display_precision": 1,
                "icon": "mdi:battery-plus-outline",
            },
            id="a total",
        ),
        pytest.param(
            "breaker",
            A_SENSOR
            | {
                "name": "Breaker",
                "value_template": "{{value_json.breaker}}",
                "icon": "mdi:electric-switch",
            },
            id="a text",
        ),
        pytest.param(
            "errors",
            A_SENSOR
            | {
                "name": "Errors",
                "value_template": "{{value_json.errors if value_json.errors is none "
                "else value_json.errors or 'none'}}",
                "icon": "mdi:alert-circle-outline",
            },
            id="a text that may be empty",
        ),
        pytest.param(
            "problem",
            AN_ALARM
            | {
                "name": "Problem",
                "value_template": "{{'None' if value_json.errors is none "
                "else 'ON' if value_json.errors else 'OFF'}}",
            },
            id="an alarm that is a text",
        ),
        pytest.param(
            "cell_spread_alarm",
            AN_ALARM
            | {
                "name": "Cell spread alarm",
                "value_template": "{{'None' if value_json.cell_spread_alarm is none "
                "else 'ON' if value_json.cell_spread_alarm else 'OFF'}}",
            },
            id="an alarm",
        ),
        pytest.param(
            "connected",
            QUIET
            | {
                "platform": "binary_sensor",
                "name": "Connected",
                "device_class": "connectivity",
                "value_template": "ON",
                "off_delay": 60,
                "availability": [],  # it is told whatever else has failed
            },
            id="whether snapshots come",
        ),
        pytest.param(
            "waiting",
            MEASURED
            | QUIET
            | {
                "platform": "sensor",
                "name": "Waiting for the recorder",
                "value_template": "{{value_json.waiting}}",
                "suggested_display_precision": 0,
                "icon": "mdi:tray-full",
                "state_topic": "bluenova/1A2B3C4D/status",
            },
            id="a figure of the collector's",
        ),
    ],
)
def test_what_is_told_of(key: str, expected: dict[str, Any]) -> None:
    assert components()[key] == expected | {"unique_id": f"bluenova_1A2B3C4D_{key}"}


def test_a_battery_is_available_when_it_and_its_collector_are() -> None:
    for name, told in parts().items():
        topics = [entry["topic"] for entry in told["availability"]]
        if name == "collector":
            assert topics == ["bluenova/collector/c0ffee00"]
        else:
            assert topics == ["bluenova/1A2B3C4D/availability", "bluenova/collector/c0ffee00"]
            assert told["availability_mode"] == "all"


@pytest.mark.parametrize("topics", [Topics(), Topics("r" * 40, "p" * 40)], ids=["usual", "long"])
def test_no_message_is_long(topics: Topics) -> None:
    assert max(len(message.payload) for message in messages(topics=topics)) < 7000


def test_the_shortest_message_comes_first() -> None:
    sizes = [len(message.payload) for message in messages()]
    assert sizes == sorted(sizes)


def test_all_parts_are_of_one_device_and_no_sensor_is_in_two() -> None:
    told = parts()
    assert set(told) == set(PARTS)
    assert len({json.dumps([part["device"], part["origin"]]) for part in told.values()}) == 1
    assert sum(len(part["components"]) for part in told.values()) == len(components())


def test_the_topic_of_earlier_versions_lets_go_of_its_sensors() -> None:
    message = Describer(Topics(), "c0ffee00", "1.2.3", 10, "kWh").replaced("1A2B3C4D")
    assert message.topic == "homeassistant/device/bluenova_1A2B3C4D/config"
    assert json.loads(message.payload) == {"migr_discvry": True}
    assert (message.qos, message.retain) == (1, True)


def test_only_what_is_not_retained_expires() -> None:
    figures = set(Status.model_fields) | set(Status.model_computed_fields)
    told = present(16)
    # The others have the device's topic, which is the snapshot's.
    retained = {key: c["state_topic"] for key, c in told.items() if "state_topic" in c}
    assert {"waiting", "reconnects"} <= retained.keys() <= figures
    assert set(retained.values()) == {"bluenova/1A2B3C4D/status"}
    expiring = {key: c["expire_after"] for key, c in told.items() if "expire_after" in c}
    assert expiring.keys() == told.keys() - retained.keys() - {"connected"}
    assert set(expiring.values()) == {60}


@pytest.mark.parametrize(("interval_s", "lives_s"), [(1, 60), (10, 60), (60, 360), (3600, 21600)])
def test_values_live_well_above_the_interval(interval_s: int, lives_s: int) -> None:
    told = components(interval_s=interval_s)
    assert told["soc"]["expire_after"] == lives_s
    assert told["connected"]["off_delay"] == lives_s


@pytest.mark.parametrize("unit", ["Wh", "kWh", "MWh"])
def test_the_energy_dashboard_can_use_both_totals(unit: str) -> None:
    for key in ("energy_in", "energy_out"):
        told = components(energy_unit=unit)[key]
        assert told["device_class"] == "energy"
        assert told["state_class"] == "total_increasing"
        assert told["unit_of_measurement"] == unit


def test_there_is_one_battery_level() -> None:
    levels = [key for key, c in components().items() if c.get("device_class") == "battery"]
    assert levels == ["soc"]


def test_noise_and_curiosities_start_disabled() -> None:
    quiet = {key for key, c in components().items() if c.get("enabled_by_default") is False}
    assert all(f"cell_t_{number:02d}" in quiet for number in range(1, 17))
    assert {"adc_00", "adc_04", "adc_vp", "last_snapshot"} <= quiet
    assert {"since", "oldest_waiting", "sent_again"} <= quiet
    assert not {"soc", "cell_v_01", "errors", "waiting", "reconnects"} & quiet


def test_the_collectors_own_figures_are_diagnostic() -> None:
    figures = parts()["collector"]["components"]
    assert {c["entity_category"] for c in figures.values()} == {"diagnostic"}


def test_names_are_told_apart_and_do_not_repeat_the_device_s() -> None:
    names = [c["name"] for c in present(16).values()]
    assert len(set(names)) == len(names)
    assert not [name for name in names if "BlueNova" in name]


def test_every_template_finds_its_value_in_what_is_published() -> None:
    snapshot = json.loads(Snapshot(time=NOW, mcu_id="1A2B3C4D").to_json())
    status = json.loads(a_status().model_dump_json())
    told = present(16)
    assert told.pop("connected")["value_template"] == "ON"
    for component in told.values():
        said = status if component.get("state_topic", "").endswith("status") else snapshot
        asked = re.findall(r"value_json\.(\w+)(?:\[(\d+)])?", component["value_template"])
        assert asked
        for field, index in asked:
            assert field in said
            assert not index or int(index) < len(said[field])


def test_nothing_is_null_which_home_assistant_refuses() -> None:
    for told in parts().values():
        for part in chain([told["device"], told["origin"]], told["components"].values()):
            assert None not in part.values()


def test_the_prefix_is_a_setting() -> None:
    told = {message.topic for message in messages(topics=Topics("b/n", "ha"))}
    assert told == {f"ha/device/bluenova_1A2B3C4D_{part}/config" for part in PARTS}
    assert Topics("b/n", "ha").home_assistant_states() == {"ha/status", "homeassistant/status"}


def a_status() -> Status:
    return Status(
        version="1.2.3",
        since=NOW,
        interval_s=10,
        clock_is_set=True,
        last_snapshot=None,
        waiting=0,
        oldest_waiting=None,
        sent_again=0,
        dropped=0,
        reconnects=0,
        unreadable={"SOC: ": 2, "Vpack: ": 3},
    )


def test_unreadable_lines_are_added_up() -> None:
    assert json.loads(a_status().model_dump_json())["unreadable_lines"] == 5
