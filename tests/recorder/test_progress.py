"""How far a build is: it never seems to go back."""

from itertools import pairwise

from bluenova_recorder.progress import percent

# What PostgreSQL 15 says of a concurrent build of five million rows, in its order.
SAID = [
    ("initializing", None, None, None, None),
    ("waiting for writers before build", 0, 0, 0, 0),
    ("building index: scanning table", 0, 80_000, 0, 0),
    ("building index: scanning table", 40_000, 80_000, 0, 0),
    ("building index: scanning table", 80_000, 80_000, 0, 0),
    ("building index: sorting live tuples", 80_000, 80_000, 0, 0),
    ("building index: loading tuples in tree", 0, 0, 0, 5_000_000),
    ("building index: loading tuples in tree", 0, 0, 2_500_000, 5_000_000),
    ("building index: loading tuples in tree", 0, 0, 5_000_000, 5_000_000),
    ("waiting for writers before validation", 0, 0, 0, 0),
    ("index validation: scanning index", 0, 20_000, 0, 0),
    ("index validation: scanning index", 20_000, 20_000, 0, 0),
    ("index validation: sorting tuples", 0, 0, 0, 0),
    ("index validation: scanning table", 0, 80_000, 0, 0),
    ("index validation: scanning table", 80_000, 80_000, 0, 0),
    ("waiting for old snapshots", 0, 0, 0, 0),
]


def test_it_goes_up_from_phase_to_phase() -> None:
    parts = [percent(*one) for one in SAID]
    assert all(one <= other for one, other in pairwise(parts)), parts
    assert (parts[0], parts[3], parts[-1]) == (0, 25, 95)


def test_a_phase_of_another_release_is_no_error() -> None:
    assert percent("polishing", 5, 10, 5, 10) == 0
