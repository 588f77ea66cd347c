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
