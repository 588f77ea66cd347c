"""What is held back from a broker that may refuse it, and when it is tried again."""

from bluenova_collector.homeassistant.refusal import AGAIN_S, TRIAL_S, News, Refusal


def refusing(length: int) -> Refusal:
    """After a connection that ended at 0 s with a message of this length on its way."""
    refusal = Refusal()
    assert refusal.connection_lost(length, 0.0) is News.SUSPECT
    return refusal


def test_what_is_shorter_goes_out_and_what_is_not_waits() -> None:
    refusal = refusing(500)
    assert refusal.admits(499, 1.0, trial=False)
    assert not refusal.admits(500, 1.0, trial=True)


def test_one_message_at_a_time_is_tried_when_the_caller_allows_it() -> None:
    refusal = refusing(500)
    assert not refusal.admits(500, AGAIN_S, trial=False)
    assert refusal.admits(500, AGAIN_S, trial=True)
    assert not refusal.admits(600, AGAIN_S + TRIAL_S - 0.1, trial=True), "the trial goes on"


def test_a_trial_that_the_connection_outlives_clears_all() -> None:
    refusal = refusing(500)
    assert refusal.admits(500, AGAIN_S, trial=True)
    assert refusal.admits(600, AGAIN_S + TRIAL_S, trial=False)


def test_what_breaks_two_connections_is_left_out_until_one_ends_for_another_reason() -> None:
    refusal = refusing(500)
    assert refusal.connection_lost(500, 1.0) is None, "it was on its way before the first was over"
    assert refusal.admits(500, AGAIN_S, trial=True)
    assert refusal.connection_lost(500, AGAIN_S + 1) is News.LEFT_OUT
    assert not refusal.admits(500, 1000 * AGAIN_S, trial=True)
    assert refusal.admits(499, 1000 * AGAIN_S, trial=False)
    assert refusal.connection_lost(None, 1000 * AGAIN_S) is None
    assert refusal.admits(500, 1000 * AGAIN_S, trial=True)


def test_a_shorter_one_that_breaks_a_connection_is_news() -> None:
    refusal = refusing(500)
    assert refusal.admits(500, AGAIN_S, trial=True)
    assert refusal.connection_lost(400, AGAIN_S + 1) is News.SUSPECT
    assert refusal.admits(400, 2 * AGAIN_S + 1, trial=True)


def test_after_a_trial_that_went_well_all_begins_again() -> None:
    refusal = refusing(500)
    assert refusal.admits(500, AGAIN_S, trial=True)
    now_s = AGAIN_S + TRIAL_S
    assert refusal.admits(500, now_s, trial=False)
    assert refusal.connection_lost(500, now_s) is News.SUSPECT
    assert refusal.admits(500, now_s + AGAIN_S, trial=True)


def test_a_longer_one_that_breaks_a_connection_leaves_out_the_shorter_one_too() -> None:
    refusal = refusing(500)
    assert refusal.admits(600, AGAIN_S, trial=True)
    assert refusal.connection_lost(600, AGAIN_S + 1) is News.LEFT_OUT
    assert not refusal.admits(500, 2 * AGAIN_S + 1, trial=True)
