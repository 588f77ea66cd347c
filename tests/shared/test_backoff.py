"""How long is waited before the next attempt."""

import pytest

from bluenova_collector.console.connection import PAUSES_S
from bluenova_shared.backoff import Backoff


def test_the_pauses_before_the_battery_is_tried_again_are_the_c_programs() -> None:
    backoff = Backoff(PAUSES_S)
    assert [backoff.next_s() for _ in range(15)] == [1, 1, 2, 2, 3, 3, 5, 5, 10, 10, 30, 60, 60, 60, 60]  # fmt: skip  # noqa: E501  # the table reads best in one line


@pytest.mark.parametrize(
    ("first_s", "longest_s", "pauses_s"),
    [(1.0, 30.0, [1, 2, 4, 8, 16, 30, 30]), (5.0, 60.0, [5, 10, 20, 40, 60]), (0.0, 0.0, [0, 0])],
)
def test_pauses_double_up_to_the_longest_which_repeats(
    first_s: float, longest_s: float, pauses_s: list[float]
) -> None:
    backoff = Backoff.doubling(first_s, longest_s)
    assert [backoff.next_s() for _ in pauses_s] == pauses_s


def test_pauses_that_cannot_grow_are_refused() -> None:
    with pytest.raises(ValueError, match="longer"):
        Backoff.doubling(0.0, 30.0)


def test_a_reset_begins_again() -> None:
    backoff = Backoff.doubling(1.0, 30.0)
    for _ in range(9):
        backoff.next_s()
    backoff.reset()
    assert [backoff.next_s() for _ in range(3)] == [1, 2, 4]


def test_what_one_has_waited_is_nothing_to_another() -> None:
    first, second = Backoff(PAUSES_S), Backoff(PAUSES_S)
    for _ in range(9):
        first.next_s()
    assert second.next_s() == 1
