"""Which chunk goes out when. Pure: the test is the clock, the outbox and the recorder."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluenova_collector.delivery.chunk_size import SMALLEST_CHUNK_BYTES
from bluenova_collector.delivery.pacing import AT_ONCE, WAITS, Pacing
from bluenova_shared.wire import CHUNK_BYTES

MCU_ID = "1A2B3C4D"
AFTER_DUE_S = WAITS.receipt_due_s + 0.1


@dataclass
class Sender:
    """A pacing, and an outbox of numbered items whose ids are their numbers."""

    pacing: Pacing = field(default_factory=Pacing)
    kept: list[int] = field(default_factory=list)
    chunk: int = 10
    now_s: float = 0.0

    def send(self) -> list[int] | None:
        """The numbers of the chunk that goes out now; None if none may."""
        if not self.pacing.may_send(self.now_s):
            return None
        above, below = self.pacing.window(MCU_ID, self.now_s)
        found = [n for n in self.kept if n > above and (below is None or n < below)][: self.chunk]
        if not found:
            self.pacing.passed_all(self.now_s)
            return []
        self.pacing.sent(MCU_ID, found[-1], [str(n) for n in found], self.now_s)
        return found

    def receipt(self, numbers: Iterable[int]) -> bool:
        named = set(numbers)
        self.kept = [n for n in self.kept if n not in named]
        return self.pacing.receipted([str(n) for n in named])

    def wait(self, seconds: float) -> "Sender":
        self.now_s += seconds
        return self


def test_one_chunk_follows_the_other_as_soon_as_its_receipt_comes() -> None:
    sender = Sender(kept=list(range(1, 26)))
    assert sender.send() == list(range(1, 11))
    assert sender.send() is None
    assert sender.receipt(range(1, 11))
    assert sender.send() == list(range(11, 21))


def test_while_receipts_come_several_chunks_are_under_way() -> None:
    sender = Sender(kept=list(range(1, 101)))
    sender.send()
    sender.receipt(range(1, 11))
    under_way = [sender.send() for _ in range(AT_ONCE)]
    assert under_way == [list(range(n, n + 10)) for n in range(11, 11 + 10 * AT_ONCE, 10)]
    assert sender.send() is None
    assert not sender.receipt(range(11, 15))
    assert sender.send() is None
    assert sender.receipt(range(15, 21))
    assert sender.send() == list(range(11 + 10 * AT_ONCE, 21 + 10 * AT_ONCE))
    assert sender.send() is None


@pytest.mark.parametrize(
    "silence",
    [
        pytest.param(lambda sender: sender.wait(AFTER_DUE_S).send(), id="no receipt"),
        pytest.param(lambda sender: sender.pacing.link_lost(), id="no link"),
        pytest.param(lambda sender: sender.pacing.hurry(sender.now_s), id="another recorder"),
    ],
)
def test_after_a_silence_one_chunk_is_under_way_again(silence: Callable[[Sender], object]) -> None:
    sender = Sender(kept=list(range(1, 101)))
    sender.send()
    sender.receipt(range(1, 11))
    assert sender.send()
    assert sender.send()
    silence(sender)
    assert sender.wait(WAITS.first_pause_s).send()
    assert sender.send() is None


def test_a_pass_is_over_when_its_last_chunks_are() -> None:
    """Or what is under way would go out twice at once."""
    sender = Sender(kept=list(range(1, 26)))
    sender.send()
    sender.receipt(range(1, 11))
    assert sender.send() == list(range(11, 21))
    assert sender.send() == list(range(21, 26))
    sender.receipt(range(11, 21))
    assert sender.wait(1).send() == []
    assert sender.wait(1).send() == []


def test_what_went_out_live_is_given_time_for_its_receipt() -> None:
    sender = Sender(kept=[1, 2])
    sender.pacing.published(1, sender.now_s)
    sender.pacing.published(2, sender.now_s)
    assert sender.wait(WAITS.receipt_due_s - 0.1).send() == []
    assert sender.wait(0.2).send() == [1, 2]


def test_what_went_out_live_waits_as_long_as_a_recorders_rows_wait_for_one_another() -> None:
    sender = Sender(kept=[1])
    sender.pacing.rows_wait_s = 60.0
    sender.pacing.published(1, sender.now_s)
    assert sender.wait(60 + WAITS.receipt_due_s - 0.1).send() == []
    assert sender.wait(0.2).send() == [1]


def test_what_is_older_than_the_live_ones_does_not_wait_for_them() -> None:
    sender = Sender(kept=[1, 2, 3])
    sender.pacing.published(3, sender.now_s)
    assert sender.send() == [1, 2]


def test_without_any_receipt_it_backs_off_and_never_ends() -> None:
    sender, sent_at = Sender(kept=list(range(1, 500))), []
    while sender.now_s < 1200:
        if sender.wait(0.5).send():
            sent_at.append(sender.now_s)
    pauses = [b - a for a, b in pairwise(sent_at)]
    assert pauses[0] <= WAITS.receipt_due_s + WAITS.first_pause_s + 1
    assert pauses == sorted(pauses)
    longest_s = WAITS.receipt_due_s + WAITS.longest_pause_s
    assert longest_s - 1 <= max(pauses) <= longest_s + 1
    assert len(sent_at) < 30


def test_a_recorder_that_is_ready_ends_every_pause() -> None:
    sender = Sender(kept=list(range(1, 31)))
    for _ in range(100):
        sender.wait(10).send()
    sender.pacing.hurry(sender.now_s + 0.5)
    assert sender.send() is None
    assert sender.wait(0.6).send() == list(range(1, 11))


def test_an_item_that_never_gets_a_receipt_holds_nothing_up() -> None:
    sender = Sender(kept=list(range(1, 101)))
    for _ in range(100):
        if sent := sender.wait(1).send():
            sender.receipt(n for n in sent if n != 5)
    assert sender.kept == [5]


def test_a_chunk_that_breaks_the_link_is_shortened_and_recovers() -> None:
    sender = Sender(kept=list(range(1, 31)))
    for divided in (2, 4, 8):
        assert sender.send()
        sender.pacing.link_lost()
        assert sender.pacing.size.bytes == CHUNK_BYTES // divided
    for _ in range(100):
        assert sender.send()
        sender.pacing.link_lost()
    assert sender.pacing.size.bytes == SMALLEST_CHUNK_BYTES
    sender.kept = list(range(1, 15_000))
    while sender.kept and sender.pacing.size.bytes < CHUNK_BYTES:
        sender.receipt(sender.wait(1).send() or [])
    assert sender.pacing.size.bytes == CHUNK_BYTES


def test_a_link_that_drops_with_no_chunk_under_way_shortens_nothing() -> None:
    sender = Sender(kept=[1])
    sender.pacing.link_lost()
    assert sender.pacing.size.bytes == CHUNK_BYTES


def test_a_chunk_that_is_not_answered_is_shortened() -> None:
    """As with a broker that drops what is too long without a word."""
    sender = Sender(kept=list(range(1, 101)))
    assert sender.send()
    sender.receipt([100])  # a live one, say
    assert sender.wait(AFTER_DUE_S).send() == list(range(11, 21))
    assert sender.pacing.size.bytes == CHUNK_BYTES // 2


def test_where_long_chunks_never_arrive_they_are_tried_ever_more_rarely() -> None:
    """As with a broker that drops what is longer than 20 kB without a word."""
    sender, chunks, too_long = Sender(kept=list(range(1, 30_000))), 0, []
    while sender.kept:
        sent = sender.wait(1).send() or []
        chunks += bool(sent)
        if sent and sender.pacing.size.bytes > 20_000:
            too_long.append(chunks)
            sender.wait(AFTER_DUE_S)
        else:
            sender.receipt(sent)
    assert len(too_long) < 20
    assert too_long[-1] - too_long[-2] > 500


def test_after_a_silence_that_was_nobodys_fault_chunks_are_long_again_soon() -> None:
    """A database that froze for half a minute, say: nobody says that a recorder is ready."""
    sender = Sender(kept=list(range(1, 5000)))
    sender.receipt(sender.send() or [])
    for _ in range(6):
        sender.wait(AFTER_DUE_S).send()
    assert sender.pacing.size.bytes <= CHUNK_BYTES // 4
    chunks = 0
    while sender.pacing.size.bytes < CHUNK_BYTES:
        sender.receipt(sent := sender.wait(1).send() or [])
        chunks += bool(sent)
    assert chunks < 250


def test_a_link_that_broke_once_does_not_keep_chunks_short() -> None:
    """A broker that was started anew while there was no recorder."""
    sender = Sender(kept=list(range(1, 10_000)))
    sender.send()
    sender.pacing.link_lost()
    for _ in range(60):
        sender.wait(AFTER_DUE_S).send()
    sender.pacing.hurry(sender.now_s)
    chunks = 0
    while sender.pacing.size.bytes < CHUNK_BYTES:
        sender.receipt(sent := sender.wait(1).send() or [])
        chunks += bool(sent)
    assert chunks < 250


def test_what_a_recorder_postpones_holds_nothing_up_and_comes_again() -> None:
    sender = Sender(kept=list(range(1, 31)))
    first = sender.send() or []
    assert sender.pacing.receipted([], [str(n) for n in first])
    assert sender.send() == list(range(11, 21))
    assert sender.send() == list(range(21, 31))
    sender.receipt(range(11, 31))
    assert sender.send() == []
    assert sender.wait(WAITS.longest_pause_s).send() == first


def test_what_cannot_be_sent_is_passed_over() -> None:
    sender = Sender(kept=list(range(1, 31)))
    sender.pacing.passed_over(MCU_ID, 20)
    assert sender.send() == list(range(21, 31))


def test_once_there_is_a_recorder_chunks_are_as_long_as_they_were() -> None:
    sender = Sender(kept=list(range(1, 101)))
    for _ in range(50):
        sender.wait(30).send()
    assert sender.pacing.size.bytes == SMALLEST_CHUNK_BYTES
    sender.pacing.hurry(sender.now_s)
    assert sender.pacing.size.bytes == CHUNK_BYTES


def test_a_chunk_that_breaks_the_link_stays_short_when_the_link_is_back() -> None:
    """A recorder's word is retained, and so comes with each new link."""
    sender = Sender(kept=list(range(1, 101)))
    assert sender.send()
    sender.pacing.link_lost()
    sender.pacing.hurry(sender.now_s)
    assert sender.pacing.size.bytes == CHUNK_BYTES // 2


@given(st.data())
@settings(deadline=None)
def test_whatever_gets_lost_all_items_arrive_and_two_chunks_at_most_are_under_way(
    data: st.DataObject,
) -> None:
    sender = Sender(chunk=data.draw(st.integers(1, 5)))
    under_way: list[tuple[set[int], float]] = []
    number = 0
    for step in data.draw(st.lists(st.sampled_from("NNSSSLRPWH"), max_size=60)):
        match step:
            case "N":  # a new item, published live
                number += 1
                sender.kept.append(number)
                sender.pacing.published(number, sender.now_s)
            case "S":
                sent = sender.send()
                under_way = [(ids, due_s) for ids, due_s in under_way if sender.now_s < due_s]
                if sent:
                    assert not any(ids & set(sent) for ids, _ in under_way)
                    under_way.append((set(sent), sender.now_s + WAITS.receipt_due_s))
                    assert len(under_way) <= AT_ONCE
            case "R" if under_way:  # the receipt for a chunk
                chunk, _ = under_way.pop(data.draw(st.integers(0, len(under_way) - 1)))
                sender.receipt(chunk)
            case "P":  # a receipt for a part of it, or for something else
                named = data.draw(st.sets(st.integers(1, max(number, 1))))
                sender.receipt(named)
                under_way = [(ids - named, due_s) for ids, due_s in under_way if ids - named]
            case "L":
                sender.pacing.link_lost()
                under_way = []
            case "H":
                sender.pacing.hurry(sender.now_s)
                under_way = []
            case "W":
                sender.wait(data.draw(st.floats(0, 20)))
    for _ in range(400):  # and then all is well
        if sent := sender.wait(5).send():
            sender.receipt(sent)
    assert sender.kept == []


def test_what_is_postponed_waits_for_the_next_pass_and_each_pass_longer() -> None:
    sender = Sender(kept=[1, 2])
    sent_s = []
    for _ in range(380):
        if sender.send():
            sent_s.append(sender.now_s)
            sender.pacing.receipted([], ["1", "2"])
            assert sender.send() == [], "the end of this pass"
        sender.wait(0.5)
    pauses_s = [later - earlier for earlier, later in pairwise(sent_s)]
    assert pauses_s == [5, 10, 20, 40, 60]
