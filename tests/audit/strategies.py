"""Any records that a journal can hold: checked commands of any text, any event, quote and hit."""

from hypothesis import strategies as st

from daytrader.domain import event as ev
from daytrader.domain import refusal
from daytrader.domain.command import COMMAND_NAMES, Command, parse
from daytrader.domain.money import LARGEST_CENTS
from daytrader.domain.quote import Hit, Quote
from daytrader.domain.record import Record
from tests.audit.journals import START

REFUSALS = sorted(value for name, value in vars(refusal).items() if name.isupper())

users = st.sampled_from(["alice", "bob", "Carol7"]) | st.from_regex(r"[A-Za-z0-9]{1,64}", fullmatch=True)
symbols = st.from_regex(r"[A-Z]{1,3}", fullmatch=True)
cents = st.integers(0, LARGEST_CENTS)
texts = st.text(max_size=30) | st.text("<>&'\"\r\n\t\0\x1f\ufffe\uffff]é💸 ", max_size=20)


@st.composite
def commands(draw: st.DrawFn) -> Command:
    """A command as it comes from a client: its fields right, wrong, or anything."""
    amounts = cents.map(lambda amount: f"{amount // 100}.{amount % 100:02d}")
    return parse(
        draw(st.sampled_from(sorted(COMMAND_NAMES.values()))),
        draw(users | texts),
        draw(symbols | texts),
        draw(amounts | texts),
        draw(texts),
    )


quotes = st.builds(Quote, symbols, st.integers(1, LARGEST_CENTS), st.integers(0, 2**42), st.integers(0, 2**42))
hits = st.builds(Hit, symbols, users, cents, st.integers(0, 2**42), texts)
changes = st.one_of(
    st.none(),
    st.builds(ev.Added, cents),
    st.builds(ev.BuyPlaced, symbols, cents, cents, cents),
    st.builds(ev.BuyCommitted, symbols, cents, cents),
    st.builds(ev.SellCommitted, symbols, cents, cents),
    st.builds(ev.BuyAmountSet, symbols, cents, st.integers(-LARGEST_CENTS, LARGEST_CENTS)),
    st.builds(ev.BuyTriggerCancelled, symbols, cents),
    st.builds(ev.SellTriggerSet, symbols, cents, st.integers(-1000, 1000)),
)
fired = st.builds(ev.BuyTriggerFired, symbols, cents, cents, cents, cents) | st.builds(
    ev.SellTriggerFired, symbols, cents, cents, cents
)
times = st.integers(START, START + 50)


def command_records() -> st.SearchStrategy[Record]:
    """Decided commands: accepted, with whatever happened, or refused; of users who exist, or who do not."""

    def record(
        time: int, command: Command, known: bool, outcome: ev.Event | str | None, quote: Quote | None, hit: Hit | None
    ) -> Record:
        refused = outcome if isinstance(outcome, str) else ""
        event = None if isinstance(outcome, str) or not command.user else outcome
        return Record(time, command.user if known else "", "w:1", command, refused, event, quote, hit)

    outcomes = st.one_of(st.sampled_from(REFUSALS), changes)
    known = st.booleans()
    return st.tuples(times, commands(), known, outcomes, st.none() | quotes, st.none() | hits).map(
        lambda made: record(made[0], made[1], made[2] or not isinstance(made[3], str), *made[3:])
    )


records = st.one_of(
    command_records(),
    st.builds(
        lambda time, user, event, quote: Record(time, user, event=event, quote=quote), times, users, fired, quotes
    ),
    st.builds(lambda time, hit: Record(time, "", hit=hit), times, hits),
    st.builds(lambda time: Record(time, ""), times),
)
