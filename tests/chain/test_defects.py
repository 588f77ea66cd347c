"""What users of the C program lost, and do not lose here: a test for each, named after it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.chain import chain, next_interval
from tests.support.harness import (
    MCU_ID,
    Battery,
    Listener,
    eventually,
    query,
    seconds,
    stored,
)

from bluenova_tools.local import Database, Mosquitto, Postgres, Service
from bluenova_tools.simulator.acts import Fragments

pytestmark = [pytest.mark.services]

ARM = "DEBUG: CALC PACK_CHARGE, STORE IN FLASH"


@dataclass
class Chain:
    """The real chain, from a battery to a table."""

    battery: Battery
    collector: Service
    recorder: Service
    database: Database
    broker: Mosquitto

    def row_of(self, *acts: Any) -> dict[str, Any]:
        """The row of an interval in which the battery says this, after its MCU ID."""
        self.battery.wait_for_client()
        end_s = next_interval(1, into_it=0.1)
        self.battery.say(f"MCU ID: {MCU_ID}", *acts)
        return self.row_at(end_s)

    def row_at(self, end_s: int) -> dict[str, Any]:
        """The row of the interval that ends then, or of the next if the machine is slow."""
        rows = eventually(lambda: [r for r in stored(self.database) if seconds(r) >= end_s])
        assert seconds(rows[0]) <= end_s + 1
        return rows[0]


@pytest.fixture(scope="module")
def running(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    database = postgres.create_database("defects")
    with (
        Mosquitto() as broker,
        chain(tmp_path_factory.mktemp("defects"), broker, database) as parts,
    ):
        yield Chain(*parts, database, broker)
    postgres.drop_database("defects")


class TestTheWholeRowIsNotLostTo:
    def test_a_negative_temperature(self, running: Chain) -> None:
        row = running.row_of("Temp: -7", "C03) T: -12, V: 3201", "SOC: 5")
        assert (row["temp"], row["cell_03_t"], row["soc"]) == (-7, -12, 5)

    def test_a_value_outside_smallint_or_real(self, running: Chain) -> None:
        row = running.row_of("Temp: 99999", "Current: 1e39", "SOH: 1e-300", "SOC: 6")
        assert (row["temp"], row["i_pack"], row["health"], row["soc"]) == (None, None, 0, 6)

    def test_an_apostrophe_in_a_text_or_an_injection(self, running: Chain) -> None:
        text = "'; DROP TABLE battery_pack; --"
        row = running.row_of("System_State: can't", f'Errors: "{text}"')
        assert (row["system_state"], row["errors"]) == ("can't", text)

    def test_bad_utf_8(self, running: Chain) -> None:
        row = running.row_of("Breaker: OP\udcffN", "SOC: 7", "\udc80\udcff")
        assert (row["breaker"], row["soc"]) == ("OP\ufffdN", 7)

    def test_an_interval_without_an_mcu_id(self, running: Chain) -> None:
        running.row_of("SOC: 1")
        end_s = next_interval(1)
        running.battery.say("SOC: 8")
        row = running.row_at(end_s)
        assert (row["mcu_id"], row["soc"]) == (0x1A2B3C4D, 8)

    def test_a_failed_insert(self, running: Chain) -> None:
        """The table refuses one row; those around it are there."""
        query(running.database, "ALTER TABLE battery_pack ADD CONSTRAINT no CHECK (soc <> 13)")
        for soc in (12, 13, 14):
            end_s = next_interval(1)
            running.battery.say(f"SOC: {soc}")
        running.row_at(end_s)
        query(running.database, "ALTER TABLE battery_pack DROP CONSTRAINT no")
        socs = [row["soc"] for row in stored(running.database)]
        assert {12, 14} <= set(socs)
        assert 13 not in socs

    def test_a_restart_of_postgresql(self, mosquitto: Mosquitto, tmp_path: Path) -> None:
        with (
            Postgres(fast=True) as server,
            chain(tmp_path, mosquitto, server.database()) as (battery, _, recorder),
        ):
            for soc in (1, 2):
                first_s = next_interval(1)
                battery.say(f"MCU ID: {MCU_ID}", f"SOC: {soc}")
                if soc == 1:
                    server.kill()
                    time.sleep(1.5)
                    server.start()
            eventually(lambda: first_s in map(seconds, stored(server.database())))
            assert [row["soc"] for row in stored(server.database())] == [1, 2]
            assert recorder.running


class TestAValueIsNot:
    def test_null_where_it_is_minus_one(self, running: Chain) -> None:
        row = running.row_of("Temp: -1", "Current: -1.00", "C01) T: -1, V: 3300")
        assert (row["temp"], row["i_pack"], row["cell_01_t"]) == (-1, -1.0, -1)

    def test_0_where_there_is_no_number(self, running: Chain) -> None:
        row = running.row_of("SOC: ", "Vpack: ", "Current: A", "C01) T: , V: ", "Temp: 5")
        absent = ("soc", "v_pack", "i_pack", "cell_01_v", "cell_01_t")
        assert [row[name] for name in absent] == [None] * 5
        assert row["temp"] == 5

    def test_divided_again_by_a_malformed_cell_line(self, running: Chain) -> None:
        row = running.row_of("C07) T: 31, V: 3312", "C07) T: 31, V: x", "C07) T: ", "C07) T: 32")
        assert (round(row["cell_07_v"], 3), row["cell_07_t"]) == (3.312, 32)

    def test_wrapped_at_32_bits(self, running: Chain) -> None:
        row = running.row_of("SOC: 4294967383", "Temp: -4294967266", "Vpack: 4294967296000")
        assert (row["soc"], row["temp"], row["v_pack"]) == (None, None, None)

    def test_with_the_lines_ending(self, running: Chain) -> None:
        row = running.row_of(
            "System_State: CHARGE\r\n", "Breaker: CLOSED\n", "Charge State: IDLE\r\n", "SOC: 9\r\n"
        )
        assert (row["system_state"], row["breaker"], row["charge_state"], row["soc"]) == (
            "CHARGE", "CLOSED", "IDLE", 9,
        )  # fmt: skip

    def test_in_for_out_where_the_connection_begins_between_the_arming_line_and_the_pair(
        self, running: Chain
    ) -> None:
        running.row_of(ARM, "Write EnergyOut: 100.5", "Write EnergyOut: 200.25")
        running.battery.say(ARM, "Write EnergyOut: 101.5")
        time.sleep(0.2)
        running.battery.drop()
        row = running.row_of("Write EnergyOut: 201.25")
        assert (row["energy_out"], row["energy_in"]) == (101.5, 200.25)

    def test_lost_behind_the_first_line_of_a_message(self, running: Chain) -> None:
        row = running.row_of("SOC: 10\nTemp: 11\r\nSOH: 99.5\nBreaker: OPEN")
        assert (row["soc"], row["temp"], row["health"], row["breaker"]) == (10, 11, 99.5, "OPEN")

    def test_lost_in_fragments(self, running: Chain) -> None:
        row = running.row_of(Fragments(("SO", "C: 1", "2", "")), Fragments(("Breaker: ", "OPEN")))
        assert (row["soc"], row["breaker"]) == (12, "OPEN")


class TestTime:
    def test_a_disconnect_keeps_the_open_interval_and_the_energy_totals(
        self, mosquitto: Mosquitto, database: Database, tmp_path: Path
    ) -> None:
        with chain(tmp_path, mosquitto, database, INTERVAL=4) as (battery, _, _):
            end_s = next_interval(4)
            battery.say(
                f"MCU ID: {MCU_ID}", ARM, "Write EnergyOut: 7", "Write EnergyOut: 8", "SOC: 5"
            )
            time.sleep(0.3)
            battery.drop()
            battery.wait_for_client(timeout_s=3)
            battery.say("Temp: 6")
            row = eventually(lambda: stored(database))[0]
            assert seconds(row) == end_s
            assert (row["soc"], row["temp"], row["energy_out"], row["energy_in"]) == (5, 6, 7, 8)
            battery.drop()
            battery.say("SOC: 9")
            eventually(lambda: len(stored(database)) > 1)
            rows = stored(database)
            assert seconds(rows[1]) == end_s + 4, "no interval is left out"
            assert (rows[1]["soc"], rows[1]["energy_out"]) == (9, 7)

    def test_a_link_that_breaks_within_each_interval_gives_each_row(
        self, mosquitto: Mosquitto, database: Database, tmp_path: Path
    ) -> None:
        """The C program's 9 s of 10, faster: a link that lives for less than an interval."""
        with chain(tmp_path, mosquitto, database, INTERVAL=2) as (battery, _, _):
            ends = []
            for soc in range(3):
                ends.append(next_interval(2))
                battery.say(f"MCU ID: {MCU_ID}", f"SOC: {soc}")
                time.sleep(0.2)
                battery.drop()
            eventually(lambda: len(stored(database)) >= 3)
            rows = stored(database)
            assert [row["soc"] for row in rows] == [0, 1, 2]
            assert [seconds(row) for row in rows] == ends

    def test_a_row_is_written_without_another_message_and_bears_the_aligned_time(
        self, running: Chain
    ) -> None:
        end_s = next_interval(1)
        running.battery.say("SOC: 20")
        assert running.row_at(end_s)["soc"] == 20
        assert time.time() < end_s + 2


def test_sixteen_cells_of_a_huge_voltage_do_not_crash_it(running: Chain) -> None:
    huge = [f"C{cell:02}) T: 31, V: 1e307" for cell in range(1, 17)]
    row = running.row_of(*huge, "SOC: 21", *[f"C{cell:02}) T: 1, V: 1e40" for cell in range(1, 17)])
    assert [row[f"cell_{cell:02}_v"] for cell in range(1, 17)] == [None] * 16
    assert row["soc"] == 21
    assert running.collector.running
    assert running.recorder.running


def test_a_log_full_of_troubles_has_no_traceback(running: Chain) -> None:
    """Its own troubles, and those of the tests before it."""
    with Listener(running.broker) as listener:
        for payload in (b"\xff", b"[" * 1000, b'{"schema": 1}'):
            listener.publish(f"bluenova/{MCU_ID}/snapshot", payload)
    running.battery.say("CellCount: none", "MCU ID: xyz", "Temp: 99999", "\udc80\udcff")
    running.collector.wait_for_line("Unreadable")
    running.battery.drop()
    running.collector.wait_for_line("Lost the battery")
    running.recorder.wait_for_line("Rejected")
    running.row_of("SOC: 1")
    for service in (running.collector, running.recorder):
        assert not [line for line in service.lines() if "Traceback" in line or "CRITICAL" in line]
