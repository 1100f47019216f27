"""Places: one number for partition and n."""

import pytest

from daytrader.journal.place import at_place, place_of


@pytest.mark.parametrize(("partition", "n"), [(0, 1), (1, 0), (3, 7), (99_999, 2**40 - 1)])
def test_a_place_tells_partition_and_n(partition: int, n: int) -> None:
    """Whatever went in comes out."""
    assert at_place(place_of(partition, n)) == (partition, n)


def test_places_keep_their_numbers() -> None:
    """Stored data and backups hold them."""
    assert [place_of(0, 1), place_of(1, 2), place_of(63, 5)] == [1, 1_099_511_627_778, 69_269_232_549_893]


def test_a_partition_is_a_range() -> None:
    """Its last place comes before the first of the next."""
    assert place_of(4, 2**40 - 1) < place_of(5, 0)
