"""How many entries are asked for at once."""

from daytrader.audit.portion import Portion


class TestPortion:
    def test_small_entries_are_asked_for_in_numbers(self) -> None:
        """Where entries are small the limit grows, doubling at the most, until the size or the number is reached."""
        portion = Portion(1_000, 50)
        limits = []
        for _ in range(4):
            portion.took(10, 100)
            limits.append(portion.limit)
        assert limits == [16, 32, 50, 50]

    def test_large_entries_are_asked_for_one_by_one(self) -> None:
        """An entry that is larger than the size aimed at still comes, alone."""
        portion = Portion(1_000, 50)
        portion.took(2, 9_000)
        assert portion.limit == 1

    def test_empty_answer_teaches_nothing(self) -> None:
        """No entries, or entries of no bytes, break nothing."""
        portion = Portion(1_000, 50)
        portion.took(0, 0)
        assert portion.limit == 8
        portion.took(3, 0)
        assert portion.limit == 16
