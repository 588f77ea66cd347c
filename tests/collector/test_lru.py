"""What is known of batteries stays bounded, and the one in use is not forgotten."""

from bluenova_collector.lru import LRU, MAX_BATTERIES


def test_the_battery_that_was_set_least_recently_is_forgotten() -> None:
    known = LRU[str, int]()
    for number in range(MAX_BATTERIES):
        known[f"{number:08X}"] = number
    known["00000000"] = 99
    known["one more"] = 100
    assert len(known) == MAX_BATTERIES
    assert "00000001" not in known
    assert known["00000000"] == 99
