"""How long the collector waits before it tries the battery again."""

from bluenova_collector.console.retry import Retry


def test_the_delays_are_the_c_programs_and_the_last_one_repeats() -> None:
    retry = Retry()
    assert [retry.delay_s() for _ in range(15)] == [1, 1, 2, 2, 3, 3, 5, 5, 10, 10, 30, 60, 60, 60, 60]  # fmt: skip  # noqa: E501  # the table reads best in one line


def test_a_readable_line_begins_again() -> None:
    retry = Retry()
    for _ in range(9):
        retry.delay_s()
    retry.readable()
    assert [retry.delay_s() for _ in range(3)] == [1, 1, 2]


def test_delays_are_each_retrys_own() -> None:
    first, second = Retry(), Retry()
    for _ in range(9):
        first.delay_s()
    assert second.delay_s() == 1
