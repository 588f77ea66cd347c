"""A log that neither floods nor goes deaf."""

from bluenova_shared.logs import Change, Throttle


def test_what_recurs_is_held_back_and_counted() -> None:
    throttle = Throttle(60)
    assert [throttle.admit("a", s) for s in (0, 1, 2, 60, 61)] == [
        "",
        None,
        None,
        " (2 more since this was last said)",
        None,
    ]


def test_more_kinds_than_anyone_reads_are_heard_again_later() -> None:
    throttle = Throttle(60, keys=10)
    assert [throttle.admit(n, 0.0) for n in range(12)] == [""] * 10 + [None] * 2
    assert throttle.admit("another", 61.0) == ""


def test_what_goes_on_is_no_change() -> None:
    change = Change()
    assert [change.to(what) for what in ("a", "a", "b", None, None)] == [
        True,
        False,
        True,
        True,
        False,
    ]
    assert not Change(False).to(False)


def test_what_goes_on_for_long_is_said_again_but_no_change_is_not() -> None:
    change = Change(every_s=3600)
    assert [change.to("a", now_s) for now_s in (0, 10, 3599, 3600, 3700, 7200)] == [
        True, False, False, True, False, True,
    ]  # fmt: skip
    assert change.to(None)
    assert not change.to(None)
