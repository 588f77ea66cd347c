"""The assembler: which lines make which snapshot, and that nothing grows without bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.assembling import ARM, end, feed, named, only

from bluenova_collector.console.assembler import MAX_NAMELESS, Assembler
from bluenova_collector.console.rules import Named, Unreadable, read
from bluenova_collector.lru import MAX_BATTERIES
from bluenova_shared.quantity import SMALLINT_MAX
from bluenova_shared.snapshot import Snapshot


class TestWithinAnInterval:
    def test_the_last_readable_value_wins(self) -> None:
        assembler = named()
        feed(assembler, "SOC: 5", "SOC: 6", "Temp: 20", "SOC: 7")
        snapshot = only(assembler.close(end(1)))
        assert (snapshot.soc, snapshot.temp) == (7, 20)

    @pytest.mark.parametrize("line", ["SOC: ", "SOC: 99999", "SOC: 8,5", "SOC: nan", "SOC: 0x5"])
    def test_an_unreadable_line_changes_nothing(self, line: str) -> None:
        assembler = named()
        feed(assembler, "SOC: 7")
        assert isinstance(assembler.handle(read(line)), Unreadable)
        assert only(assembler.close(end(1))).soc == 7

    def test_each_half_of_a_cell_line_stands_on_its_own(self) -> None:
        assembler = named()
        feed(assembler, "C07) T: 31, V: 3312", "C07) T: 32, V: ", "C07) T: x, V: 3400")
        snapshot = only(assembler.close(end(1)))
        assert (snapshot.cell_t[6], snapshot.cell_v[6]) == (32, 3.4)

    def test_a_cell_beyond_the_cell_count_that_says_0_v_is_no_cell(self) -> None:
        assembler = named()
        cells = [f"C{n:02}) T: {n}, V: {3300 if n < 15 else 0}" for n in range(1, 17)]
        feed(assembler, *cells, "CellCount: 15")
        for number in (1, 2):  # the count is known from then on, also before it is said again
            snapshot = only(assembler.close(end(number)))
            assert (snapshot.cell_v[14], snapshot.cell_t[14]) == (0, 15), "a cell that is dead"
            assert (snapshot.cell_v[15], snapshot.cell_t[15]) == (None, None)
            assert snapshot.cell_lowest == 15
            feed(assembler, *cells)

    @pytest.mark.parametrize("garbled", ["255", "32767", "0", "-3", "100"])
    def test_a_garbled_cell_count_neither_replaces_a_good_one_nor_makes_all_cells_count(
        self, garbled: str
    ) -> None:
        assembler = named()
        cells = [f"C{n:02}) T: {n}, V: {3300 if n < 15 else 0}" for n in range(1, 17)]
        feed(assembler, *cells, f"CellCount: {garbled}")
        assert only(assembler.close(end(1))).cell_v[14:] == (None, None)
        feed(assembler, *cells, "CellCount: 15")
        assert only(assembler.close(end(2))).cell_v[14:] == (0, None)
        feed(assembler, *cells, f"CellCount: {garbled}")
        snapshot = only(assembler.close(end(3)))
        assert (snapshot.cell_v[14:], snapshot.cell_count) == ((0, None), int(garbled))
        assert assembler.cells == {"1A2B3C4D": 15}

    def test_a_cell_count_of_more_than_can_be_stored_is_one(self) -> None:
        assembler = named()
        feed(assembler, "CellCount: 24", "C16) T: 20, V: 0")
        assert only(assembler.close(end(1))).cell_v[15] == 0

    def test_before_any_cell_count_the_battery_ends_with_its_last_cell_that_has_a_voltage(
        self,
    ) -> None:
        assembler = named()
        volts = {6: 3300, 7: 0, 8: 3300, 9: 0, 16: 0}
        cells = [f"C{n:02}) T: {n}, V: {mv}" for n, mv in volts.items()]
        feed(assembler, *cells)
        snapshot = only(assembler.close(end(1)))
        assert snapshot.cell_v[5:9] == (3.3, 0, 3.3, None), "7 is dead; what is 9?"
        assert snapshot.cell_lowest == 7
        assert (snapshot.cell_v[15], snapshot.cell_t[15]) == (None, None)
        feed(assembler, *cells, "CellCount: 9")
        snapshot = only(assembler.close(end(2)))
        assert (snapshot.cell_v[8], snapshot.cell_v[15]) == (0, None)

    def test_a_cell_beyond_the_cell_count_that_has_a_voltage_is_kept(self) -> None:
        assembler = named()
        feed(assembler, "CellCount: 15", "C16) T: 20, V: 3300")
        assert only(assembler.close(end(1))).cell_v[15] == 3.3

    def test_a_temperature_alone_leaves_the_voltage(self) -> None:
        assembler = named()
        feed(assembler, "C07) T: 31, V: 3312", "C07) T: 32")
        snapshot = only(assembler.close(end(1)))
        assert (snapshot.cell_t[6], snapshot.cell_v[6]) == (32, 3.312)

    def test_what_was_not_seen_is_none_and_counters_are_0(self) -> None:
        assembler = named()
        feed(assembler, "SOC: 7")
        snapshot = only(assembler.close(end(1)))
        silent = Snapshot(time=end(1), mcu_id="1A2B3C4D", soc=7)
        assert snapshot == silent
        assert (snapshot.bad_crc, snapshot.parse_fail, snapshot.bad_vcell) == (0, 0, 0)

    def test_what_counts_is_counted_and_begins_again_at_0(self) -> None:
        assembler = named()
        feed(assembler, "INFO: BAD CRC", "INFO: BAD CRC 7", "DEBUG: REJECT BAD V")
        snapshot = only(assembler.close(end(1)))
        assert (snapshot.bad_crc, snapshot.parse_fail, snapshot.bad_vcell) == (2, 0, 1)
        feed(assembler, "SOC: 5")
        assert only(assembler.close(end(2))).bad_crc == 0

    def test_a_counter_stops_at_the_columns_end(self) -> None:
        assembler = named()
        for _ in range(SMALLINT_MAX + 5):
            assembler.handle(read("INFO: BAD CRC"))
        assert only(assembler.close(end(1))).bad_crc == SMALLINT_MAX


class TestWithoutAnythingReadable:
    @pytest.mark.parametrize("line", ["tick", "", "SOC: nan", "MCU ID: xyz", " SOC: 5"])
    def test_there_is_no_snapshot(self, line: str) -> None:
        assembler = named()
        feed(assembler, line)
        assert assembler.close(end(1)) == []

    def test_values_do_not_stay_for_the_next_interval(self) -> None:
        assembler = named()
        feed(assembler, "SOC: 7")
        assembler.close(end(1))
        assert assembler.close(end(2)) == []
        feed(assembler, "Temp: 20")
        assert only(assembler.close(end(3))).soc is None

    @pytest.mark.parametrize("line", ["MCU ID: 1A2B3C4D", ARM, "Write EnergyOut: 5"])
    def test_what_says_no_value_is_something_readable(self, line: str) -> None:
        assembler = named()
        feed(assembler, line)
        assert only(assembler.close(end(1))) == Snapshot(time=end(1), mcu_id="1A2B3C4D")


class TestTheName:
    def test_is_remembered_over_intervals(self) -> None:
        assembler = Assembler()
        feed(assembler, "MCU ID: 1A2B3C4D", "SOC: 5")
        assembler.close(end(1))
        feed(assembler, "SOC: 6")
        snapshot = only(assembler.close(end(2)))
        assert (snapshot.mcu_id, snapshot.soc) == ("1A2B3C4D", 6)

    def test_is_remembered_over_a_lost_connection(self) -> None:
        assembler = Assembler()
        feed(assembler, "MCU ID: 1A2B3C4D", "SOC: 5")
        assembler.connection_lost()
        feed(assembler, "Temp: 20")
        snapshot = only(assembler.close(end(1)))
        assert (snapshot.mcu_id, snapshot.soc, snapshot.temp) == ("1A2B3C4D", 5, 20)

    def test_is_not_lost_to_an_unreadable_one(self) -> None:
        assembler = named()
        feed(assembler, "MCU ID: 00000000", "MCU ID: xyz", "MCU ID: 123456789", "SOC: 5")
        assert only(assembler.close(end(1))).mcu_id == "1A2B3C4D"

    def test_that_comes_late_gets_the_intervals_that_waited_for_it(self) -> None:
        assembler = Assembler()
        for number in (1, 2):
            feed(assembler, f"SOC: {number}")
            assert assembler.close(end(number)) == []
        feed(assembler, "SOC: 3", "MCU ID: 1A2B3C4D")
        snapshots = assembler.close(end(3))
        assert [(s.mcu_id, s.time, s.soc) for s in snapshots] == [
            ("1A2B3C4D", end(number), number) for number in (1, 2, 3)
        ]

    def test_that_never_comes_makes_no_more_wait_than_there_is_room_for(self) -> None:
        assembler = Assembler()
        for number in range(1, MAX_NAMELESS + 6):
            feed(assembler, f"CellCount: {number}")
            assembler.close(end(number))
        assert assembler.dropped_nameless == 5
        feed(assembler, "MCU ID: 1A2B3C4D")
        snapshots = assembler.close(end(MAX_NAMELESS + 6))
        assert [s.cell_count for s in snapshots[:-1]] == list(range(6, MAX_NAMELESS + 6))

    def test_that_comes_late_gets_the_cell_count_that_was_said_before_it(self) -> None:
        assembler = Assembler()
        feed(assembler, "CellCount: 15")
        assembler.close(end(1))
        feed(assembler, "MCU ID: 1A2B3C4D", "C15) T: 20, V: 0")
        *_, snapshot = assembler.close(end(2))
        assert snapshot.cell_v[14] == 0
        assert assembler.cells == {"1A2B3C4D": 15}

    def test_of_several_batteries_gives_a_snapshot_for_each(self) -> None:
        assembler = Assembler()
        feed(assembler, "MCU ID: A", "SOC: 1", "MCU ID: B", "SOC: 2", "MCU ID: a", "Temp: 20")
        by_name = {s.mcu_id: s for s in assembler.close(end(1))}
        assert set(by_name) == {"0000000A", "0000000B"}
        a, b = by_name["0000000A"], by_name["0000000B"]
        assert (a.soc, a.temp, b.soc, b.temp) == (1, 20, 2, None)
        feed(assembler, "SOC: 3")
        assert only(assembler.close(end(2))).mcu_id == "0000000A"

    def test_of_more_batteries_than_any_console_has_is_unreadable(self) -> None:
        assembler = Assembler()
        said = [assembler.handle(read(f"MCU ID: {n:X}")) for n in range(1, MAX_BATTERIES + 101)]
        assert said[:MAX_BATTERIES] == [Named(f"{n:08X}") for n in range(1, MAX_BATTERIES + 1)]
        assert sum(isinstance(s, Unreadable) for s in said) == 100
        # Whose lines these would be, nobody knows: they must not spoil another battery's values.
        feed(assembler, "SOC: 5", ARM, "Write EnergyOut: 9", "INFO: BAD CRC")
        # One that has its place in the interval keeps it.
        feed(assembler, "MCU ID: 2", "Temp: 20")
        snapshots = assembler.close(end(1))
        assert len(snapshots) == MAX_BATTERIES
        assert {(s.soc, s.energy_out, s.bad_crc) for s in snapshots} == {(None, None, 0)}
        assert [s.mcu_id for s in snapshots if s.temp == 20] == ["00000002"]
        feed(assembler, "MCU ID: 1", "SOC: 6")
        assert only(assembler.close(end(2))).soc == 6


def test_the_cell_count_is_what_an_earlier_run_remembered() -> None:
    before = Assembler()
    feed(before, "MCU ID: A", "CellCount: 14", "MCU ID: B", "CellCount: 16")
    before.close(end(1))
    after = Assembler("0000000A", before.totals, before.cells)
    dead = ("C14) T: 20, V: 0", "C16) T: 20, V: 0")
    feed(after, *dead, "MCU ID: B", *dead)
    by_name = {s.mcu_id: (s.cell_v[13], s.cell_v[15]) for s in after.close(end(2))}
    assert by_name == {"0000000A": (0, None), "0000000B": (0, 0)}


def test_a_quantity_is_the_value_of_its_last_readable_line() -> None:
    """Against a model: a list of what was said, searched from its end."""

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["SOC", "Temp"]),
                st.integers(-300, 300).map(str) | st.sampled_from(["", "x", "5,5", "nan"]),
            )
        )
    )
    def holds(said: list[tuple[str, str]]) -> None:
        assembler = named()
        feed(assembler, "Breaker: OPEN", *[f"{name}: {text}" for name, text in said])
        snapshot = only(assembler.close(end(1)))
        for name, field, low, high in (("SOC", "soc", 0, 100), ("Temp", "temp", -60, 125)):
            readable = [
                int(text)
                for said_name, text in said
                if said_name == name
                and text.removeprefix("-").isdecimal()
                and low <= int(text) <= high
            ]
            assert getattr(snapshot, field) == (readable[-1] if readable else None)

    holds()


def test_a_remembered_number_of_cells_that_cannot_be_ends_nothing() -> None:
    assembler = Assembler("1A2B3C4D", {}, {"1A2B3C4D": -5})
    feed(assembler, *(f"C{n:02d}) T: 21, V: {3300 if n <= 8 else 0}" for n in range(1, 17)))
    assert only(assembler.close(end(1))).cell_v[:9] == (3.3,) * 8 + (None,)
