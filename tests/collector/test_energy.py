"""The energy totals: which line is which, whose they are, and how long they stay."""

import pytest
from tests.support.assembling import ARM, end, feed, named, only

from bluenova_collector.console.assembler import Assembler
from bluenova_shared.snapshot import Snapshot


def totals(snapshot: Snapshot) -> tuple[float | None, float | None]:
    return snapshot.energy_out, snapshot.energy_in


class TestTheEnergyPair:
    def test_is_out_and_then_in(self) -> None:
        assembler = named()
        feed(assembler, ARM, "Write EnergyOut: 1000.5", "Write EnergyOut: 2000.25")
        assert totals(only(assembler.close(end(1)))) == (1000.5, 2000.25)

    def test_is_no_more_than_two(self) -> None:
        assembler = named()
        feed(assembler, ARM, *[f"Write EnergyOut: {number}" for number in (1, 2, 3, 4)])
        assert totals(only(assembler.close(end(1)))) == (1, 2)

    def test_is_nothing_before_it_is_armed(self) -> None:
        assembler = named()
        feed(assembler, "Write EnergyOut: 1", "Write EnergyOut: 2")
        assert totals(only(assembler.close(end(1)))) == (None, None)

    def test_begins_again_with_each_arming(self) -> None:
        assembler = named()
        feed(assembler, ARM, "Write EnergyOut: 1", ARM, "Write EnergyOut: 2", "Write EnergyOut: 3")
        assert totals(only(assembler.close(end(1)))) == (2, 3)

    @pytest.mark.parametrize("unreadable", ["abc", "", "1,5", "nan", "1e99"])
    def test_an_unreadable_total_counts_as_its_place(self, unreadable: str) -> None:
        assembler = named()
        feed(assembler, ARM, f"Write EnergyOut: {unreadable}", "Write EnergyOut: 7")
        assert totals(only(assembler.close(end(1)))) == (None, 7)
        feed(assembler, ARM, "Write EnergyOut: 8", f"Write EnergyOut: {unreadable}")
        assert totals(only(assembler.close(end(2)))) == (8, 7)

    def test_goes_on_over_an_intervals_end(self) -> None:
        assembler = named()
        feed(assembler, ARM, "Write EnergyOut: 1")
        assert totals(only(assembler.close(end(1)))) == (1, None)
        feed(assembler, "Write EnergyOut: 2")
        assert totals(only(assembler.close(end(2)))) == (1, 2)

    @pytest.mark.parametrize("before", [[ARM], [ARM, "Write EnergyOut: 1"]])
    def test_is_disarmed_by_a_lost_connection(self, before: list[str]) -> None:
        assembler = named()
        feed(assembler, *before)
        assembler.connection_lost()
        feed(assembler, "Write EnergyOut: 2")
        snapshot = only(assembler.close(end(1)))
        assert snapshot.energy_in is None
        assert snapshot.energy_out == (1 if len(before) == 2 else None)

    def test_carries_on_from_interval_to_interval_and_over_a_lost_connection(self) -> None:
        assembler = named()
        feed(assembler, ARM, "Write EnergyOut: 1", "Write EnergyOut: 2")
        assembler.close(end(1))
        assembler.connection_lost()
        feed(assembler, "SOC: 5")
        assert totals(only(assembler.close(end(2)))) == (1, 2)

    def test_is_each_batterys_own(self) -> None:
        assembler = Assembler()
        feed(assembler, "MCU ID: A", ARM, "Write EnergyOut: 1", "Write EnergyOut: 2")
        feed(assembler, "MCU ID: B", ARM, "Write EnergyOut: 3", "Write EnergyOut: 4")
        assembler.close(end(1))
        feed(assembler, "MCU ID: A", "MCU ID: B")
        by_name = {s.mcu_id: totals(s) for s in assembler.close(end(2))}
        assert by_name == {"0000000A": (1, 2), "0000000B": (3, 4)}

    def test_of_a_battery_whose_name_comes_late_is_that_batterys(self) -> None:
        assembler = Assembler()
        feed(assembler, ARM, "Write EnergyOut: 1", "Write EnergyOut: 2")
        assembler.close(end(1))
        feed(assembler, "MCU ID: 1A2B3C4D")
        assert [totals(s) for s in assembler.close(end(2))] == [(1, 2), (1, 2)]

    def test_is_what_an_earlier_run_remembered(self) -> None:
        before = Assembler()
        feed(before, "MCU ID: A", ARM, "Write EnergyOut: 1", "Write EnergyOut: 2")
        after = Assembler(before.mcu_id, before.totals)
        feed(after, "SOC: 5")
        snapshot = only(after.close(end(1)))
        assert (snapshot.mcu_id, totals(snapshot)) == ("0000000A", (1, 2))
