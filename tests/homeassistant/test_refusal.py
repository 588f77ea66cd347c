"""What is held back from a broker that may refuse it, and when it is tried again."""

from bluenova_collector.homeassistant.refusal import FIRST_S, TRIAL_S, Refusal


def refusing(length: int) -> Refusal:
    """After a connection that ended at 0 s with a message of this length on its way."""
    refusal = Refusal()
    assert refusal.connection_lost(length, 0.0)
    return refusal


def test_what_is_shorter_goes_out_and_what_is_not_waits() -> None:
    refusal = refusing(500)
    assert refusal.admits(499, 1.0, trial=False)
    assert not refusal.admits(500, 1.0, trial=True)


def test_one_message_at_a_time_is_tried_when_the_caller_allows_it() -> None:
    refusal = refusing(500)
    assert not refusal.admits(500, FIRST_S, trial=False)
    assert refusal.admits(500, FIRST_S, trial=True)
    assert not refusal.admits(600, FIRST_S + TRIAL_S - 0.1, trial=True), "the trial goes on"


def test_a_trial_that_the_connection_outlives_clears_all() -> None:
    refusal = refusing(500)
    assert refusal.admits(500, FIRST_S, trial=True)
    assert refusal.admits(600, FIRST_S + TRIAL_S, trial=False)


def test_after_a_trial_that_went_well_the_pauses_begin_again() -> None:
    refusal = refusing(500)
    refusal.connection_lost(500, 0.0)
    assert not refusal.admits(500, FIRST_S, trial=True), "the second pause is longer"
    assert refusal.admits(500, 2 * FIRST_S, trial=True)
    now_s = 2 * FIRST_S + TRIAL_S
    assert refusal.admits(500, now_s, trial=False)
    assert refusal.connection_lost(500, now_s), "it is news again"
    assert refusal.admits(500, now_s + FIRST_S, trial=True)
