"""What a replica has seen, in bounded memory."""

from daytrader.domain.event import Added, BuyTriggerFired
from daytrader.domain.quote import Quote
from daytrader.domain.record import Record
from daytrader.web.page.trade.outcome import AskedQuote
from daytrader.web.page.trade.seen import MOST_ACCOUNTS, MOST_FIRED, MOST_POINTS, MOST_SYMBOLS, Seen, Series


def test_a_series_keeps_its_beginning_and_thins_out() -> None:
    """However long somebody looks, a chart has a bounded number of points, the newest whole."""
    series = Series()
    for second in range(10_000):
        series.add(second * 1_000, second)
    assert len(series.points) <= MOST_POINTS
    assert series.points[0] == (0, 0)
    assert series.points[-3:] == [(9_997_000, 9_997), (9_998_000, 9_998), (9_999_000, 9_999)]
    assert series.points == sorted(series.points)


def test_of_three_values_within_a_second_the_middle_one_goes() -> None:
    """So the line ends where it does, and has a bounded number of points a second."""
    series = Series()
    for time, cents in ((0, 1), (400, 2), (900, 3), (2_000, 4), (2_100, 5)):
        series.add(time, cents)
    assert series.points == [(0, 1), (900, 3), (2_000, 4), (2_100, 5)]


def test_a_value_from_before_the_newest_is_left_out() -> None:
    """Time does not go back in a chart."""
    series = Series()
    series.add(5_000, 1)
    series.add(4_000, 2)
    assert series.points == [(5_000, 1)]


def test_only_a_newer_quote_takes_the_place_of_one() -> None:
    """Quotes may come by several ways."""
    seen = Seen()
    seen.note(Quote("A", 100, 10, 0))
    seen.note(Quote("A", 200, 5, 0))
    assert seen.quotes(["A", "B"]) == {"A": Quote("A", 100, 10, 0)}
    assert seen.prices("A") == [(10, 100)]
    assert seen.prices("B") == []


def test_a_trigger_that_fired_is_noted_once() -> None:
    """Two browsers of one user bring the same record."""
    about = Seen().account("alice")
    fired = Record(3, "alice", event=BuyTriggerFired("ABC", 490, 1, 490, 10))
    assert about.note_fired([fired, Record(1, "alice", event=Added(1))]) == [fired]
    assert about.note_fired([fired]) == []
    about.note_fired(Record(time, "alice", event=BuyTriggerFired("A", 1, 1, 1, 0)) for time in range(100))
    assert len(about.fired) == MOST_FIRED


def test_what_was_looked_at_longest_ago_is_forgotten() -> None:
    """Memory stays bounded, whoever asks for whatever."""
    seen = Seen()
    seen.note_asked("user0", AskedQuote("AAA", 1, 1, bought=True))
    for number in range(1, MOST_ACCOUNTS):
        seen.account(f"user{number}")
    assert seen.account("user0").asked
    seen.account("one more")
    assert seen.account("user0").asked
    for number in range(100):
        seen.note_asked("user0", AskedQuote(f"S{number}", 1, 1, bought=True))
    assert list(seen.account("user0").asked) == [f"S{number}" for number in range(80, 100)]
    for number in range(MOST_SYMBOLS):
        seen.note(Quote(str(number), 1, 1, 0))
    assert seen.quotes(["AAA"]) == {}
    assert seen.quotes([str(MOST_SYMBOLS - 1)])
