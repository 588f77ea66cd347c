"""What Home Assistant is told of a battery: one device, and a sensor for each quantity. Pure.

Everything is made from the annotations of Snapshot and Status; the unique ids are a contract, which
docs/home-assistant.md lists.
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
from bluenova_shared.snapshot import CELLS, Snapshot
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

    def discovery(self, mcu_id: str, cells: int) -> Message:
        """The retained message by which Home Assistant knows the battery."""
        battery = f"bluenova_{mcu_id}"
        components = dict(chain(self._of_battery(cells), self._of_collector(mcu_id)))
        for key, component in components.items():
            if len(component) > 1:  # one that is to be removed has its platform alone
                component["unique_id"] = f"{battery}_{key}"
        payload = {
            "device": {
                "identifiers": [battery],
                "name": f"BlueNova {mcu_id}",
                "manufacturer": "BlueNova",
                "model": "LiFePO4 battery",
                "serial_number": mcu_id,
            },
            "origin": {"name": "BlueNova battery monitor", "sw_version": self.version},
            "state_topic": self.topics.snapshot(mcu_id),
            "availability": [
                {"topic": self.topics.availability(mcu_id)},
                {"topic": self.topics.collector(self.collector)},
            ],
            "availability_mode": "all",
            "components": components,
        }
        text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        return Message(self.topics.discovery(mcu_id), text.encode(), qos=1, retain=True)

    def _of_battery(self, cells: int) -> Iterator[tuple[str, Component]]:
        """What every snapshot says; old values expire, for the topic is not retained."""
        lives_s = max(LIVES_INTERVALS * self.interval_s, LIVES_AT_LEAST_S)
        for key, component in chain(self._sensors(Snapshot, cells), _alarms(Snapshot)):
            yield key, component | ({"expire_after": lives_s} if len(component) > 1 else {})
        # On as long as snapshots come, whatever else has failed: so it has no availability.
        yield (
            "connected",
            {
                "platform": "binary_sensor",
                "name": "Connected",
                "device_class": "connectivity",
                "entity_category": "diagnostic",
                "value_template": "ON",
                "off_delay": lives_s,
                "availability": [],
            },
        )

    def _of_collector(self, mcu_id: str) -> Iterator[tuple[str, Component]]:
        """The collector's figures: retained, and of interest while the battery is silent."""
        common = {
            "state_topic": self.topics.status(mcu_id),
            "availability": [{"topic": self.topics.collector(self.collector)}],
        }
        for key, component in self._sensors(Status, CELLS):
            yield key, component | common

    def _sensors(self, model: type[BaseModel], cells: int) -> Iterator[tuple[str, Component]]:
        for field, markers in _annotations(model):
            sensor, series = _first(markers, Sensor), _first(markers, Series)
            if sensor is None:
                continue
            if series is None:
                yield field, self._sensor(sensor, sensor.name, f"value_json.{field}")
                continue
            for index in range(series.count):
                number = series.first + index
                component = self._sensor(
                    sensor, sensor.name.format(number), f"value_json.{field}[{index}]"
                )
                missing = series.per_cell and index >= cells
                # The platform alone removes what a battery with more cells had.
                key = f"{field}_{number:02d}"
                yield key, {"platform": "sensor"} if missing else component

    def _sensor(self, sensor: Sensor, name: str, value: str) -> Component:
        if sensor.empty is not None:
            value = f"{value} if {value} is none else {value} or '{sensor.empty}'"
        is_energy = sensor.device_class == "energy"
        optional = {
            "unit_of_measurement": self.energy_unit if is_energy else sensor.unit,
            "device_class": sensor.device_class,
            "state_class": sensor.state_class,
            "suggested_display_precision": sensor.precision,
            "icon": sensor.icon,
            "entity_category": "diagnostic" if sensor.diagnostic else None,
            "enabled_by_default": None if sensor.enabled else False,
        }
        return {
            "platform": "sensor",
            "name": name,
            "value_template": f"{{{{ {value} }}}}",
            **{key: given for key, given in optional.items() if given is not None},
        }


def _alarms(model: type[BaseModel]) -> Iterator[tuple[str, Component]]:
    for field, markers in _annotations(model):
        if alarm := _first(markers, Alarm):
            value = f"value_json.{field}"
            yield (
                alarm.key or field,
                {
                    "platform": "binary_sensor",
                    "name": alarm.name,
                    "device_class": "problem",
                    # None is Home Assistant's word for unknown.
                    "value_template": (
                        f"{{{{ 'None' if {value} is none else ('ON' if {value} else 'OFF') }}}}"
                    ),
                },
            )


def _annotations(model: type[BaseModel]) -> Iterator[tuple[str, Iterable[object]]]:
    """The model's fields, measured and computed, with what is annotated to each."""
    for name, field in model.model_fields.items():
        yield name, field.metadata
    for name, computed in model.model_computed_fields.items():
        yield name, get_args(computed.return_type)


def _first(markers: Iterable[object], kind: type[Marker]) -> Marker | None:
    return next((marker for marker in markers if isinstance(marker, kind)), None)
