"""What Home Assistant is told of a battery: one device, and a sensor for each quantity. Pure.

Everything is made from the annotations of Snapshot and Status; the unique ids are a contract, which
docs/home-assistant.md lists. Brokers may refuse long messages. So a device is told of in several
parts, each a message of its own, with Home Assistant's abbreviated keys. Those that are used here
are known since 2025.4 at least (homeassistant/components/mqtt/abbreviations.py).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar, get_args

from pydantic import BaseModel

from bluenova_collector.status import Status
from bluenova_shared.message import Message
from bluenova_shared.quantity import Alarm, Sensor, Series
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.topics import Topics

# A value lives for so many intervals; one interval without a snapshot must not show.
LIVES_INTERVALS = 6
LIVES_AT_LEAST_S = 60

Marker = TypeVar("Marker")
Component = dict[str, Any]


@dataclass(frozen=True)
class Describer:
    """Makes the discovery messages of one collector's batteries."""

    topics: Topics
    collector: str
    version: str
    interval_s: int
    energy_unit: str

    def discovery(self, mcu_id: str, cells: int) -> list[Message]:
        """The retained messages by which Home Assistant knows the battery, the shortest first."""
        collector = {"t": self.topics.collector(self.collector)}
        of_battery = {
            "stat_t": self.topics.snapshot(mcu_id),
            "avty": [{"t": self.topics.availability(mcu_id)}, collector],
            "avty_mode": "all",
        }
        # Retained, and of interest while the battery is silent.
        of_collector = {"stat_t": self.topics.status(mcu_id), "avty": [collector]}
        parts = dict.fromkeys(PARTS, of_battery) | {_COLLECTOR: of_collector}
        messages = [
            self._message(mcu_id, part, common | {"cmps": self._components(mcu_id, part, cells)})
            for part, common in parts.items()
        ]
        return sorted(messages, key=lambda message: len(message.payload))

    def replaced(self, mcu_id: str) -> Message:
        """What is to be said on the one topic of earlier versions before anything else.

        Home Assistant lets go of the sensors that it knows from there, and keeps their names,
        settings and history for the messages that follow. If it knows none, it does nothing, and
        that silently: an empty message on this topic would be a warning in its log.
        """
        return Message(self.topics.discovery(mcu_id), '{"migr_discvry":true}', qos=1, retain=True)

    def _message(self, mcu_id: str, part: str, said: dict[str, Any]) -> Message:
        payload = {
            "dev": {
                "ids": [f"bluenova_{mcu_id}"],
                "name": f"BlueNova {mcu_id}",
                "mf": "BlueNova",
                "mdl": "LiFePO4 battery",
                "sn": mcu_id,
            },
            "o": {"name": "BlueNova battery monitor", "sw": self.version},
            **said,
        }
        text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        return Message(self.topics.discovery(mcu_id, part), text.encode(), qos=1, retain=True)

    def _components(self, mcu_id: str, part: str, cells: int) -> dict[str, Component]:
        """The sensors of a part, with their unique ids."""
        if part == _COLLECTOR:
            components = dict(self._sensors(Status))
        elif part == _BATTERY:
            components = self._expiring(chain(self._sensors(Snapshot), _alarms(Snapshot)))
            components["connected"] = self._connected()
        else:
            components = self._expiring(self._series(part, cells))
        for key, component in components.items():
            if not _is_removed(component):
                component["uniq_id"] = f"bluenova_{mcu_id}_{key}"
        return components

    def _expiring(self, components: Iterable[tuple[str, Component]]) -> dict[str, Component]:
        """What every snapshot says; old values expire, for the topic is not retained."""
        expires = {"exp_aft": self._lives_s}
        return {key: c if _is_removed(c) else c | expires for key, c in components}

    @property
    def _lives_s(self) -> int:
        return max(LIVES_INTERVALS * self.interval_s, LIVES_AT_LEAST_S)

    def _connected(self) -> Component:
        # On as long as snapshots come, whatever else has failed: so it has no availability.
        return {
            "p": "binary_sensor",
            "name": "Connected",
            "dev_cla": "connectivity",
            "ent_cat": "diagnostic",
            "val_tpl": "ON",
            "off_dly": self._lives_s,
            "avty": [],
        }

    def _sensors(self, model: type[BaseModel]) -> Iterator[tuple[str, Component]]:
        """The sensors of single values."""
        for field, sensor, series in _shown(model):
            if series is None:
                yield field, self._sensor(sensor, sensor.name, f"value_json.{field}")

    def _series(self, part: str, cells: int) -> Iterator[tuple[str, Component]]:
        """The sensors of an array; those of cells that the battery does not have are removed."""
        for field, sensor, series in _shown(Snapshot):
            if series is None or field != part:
                continue
            for index in range(series.count):
                number = series.first + index
                component = self._sensor(
                    sensor, sensor.name.format(number), f"value_json.{field}[{index}]"
                )
                missing = series.per_cell and index >= cells
                # The platform alone removes what a battery with more cells had.
                yield f"{field}_{number:02d}", {"p": "sensor"} if missing else component

    def _sensor(self, sensor: Sensor, name: str, value: str) -> Component:
        if sensor.empty is not None:
            value = f"{value} if {value} is none else {value} or '{sensor.empty}'"
        is_energy = sensor.device_class == "energy"
        optional = {
            "unit_of_meas": self.energy_unit if is_energy else sensor.unit,
            "dev_cla": sensor.device_class,
            "stat_cla": sensor.state_class,
            "sug_dsp_prc": sensor.precision,
            "ic": sensor.icon,
            "ent_cat": "diagnostic" if sensor.diagnostic else None,
            "en": None if sensor.enabled else False,
        }
        return {
            "p": "sensor",
            "name": name,
            "val_tpl": f"{{{{{value}}}}}",
            **{key: given for key, given in optional.items() if given is not None},
        }


def _is_removed(component: Component) -> bool:
    return len(component) == 1


def _alarms(model: type[BaseModel]) -> Iterator[tuple[str, Component]]:
    for field, markers in _annotations(model):
        if alarm := _first(markers, Alarm):
            value = f"value_json.{field}"
            yield (
                alarm.key or field,
                {
                    "p": "binary_sensor",
                    "name": alarm.name,
                    "dev_cla": "problem",
                    # None is Home Assistant's word for unknown.
                    "val_tpl": f"{{{{'None' if {value} is none else 'ON' if {value} else 'OFF'}}}}",
                },
            )


def _shown(model: type[BaseModel]) -> Iterator[tuple[str, Sensor, Series | None]]:
    """The model's fields that Home Assistant shows; an array has a Series."""
    for field, markers in _annotations(model):
        if sensor := _first(markers, Sensor):
            yield field, sensor, _first(markers, Series)


def _annotations(model: type[BaseModel]) -> Iterator[tuple[str, Iterable[object]]]:
    """The model's fields, measured and computed, with what is annotated to each."""
    for name, field in model.model_fields.items():
        yield name, field.metadata
    for name, computed in model.model_computed_fields.items():
        yield name, get_args(computed.return_type)


def _first(markers: Iterable[object], kind: type[Marker]) -> Marker | None:
    return next((marker for marker in markers if isinstance(marker, kind)), None)


# The parts of a device: a battery's single values, each of its arrays, its collector's figures.
_BATTERY, _COLLECTOR = "battery", "collector"
PARTS = (
    _BATTERY,
    *(field for field, _, series in _shown(Snapshot) if series is not None),
    _COLLECTOR,
)
