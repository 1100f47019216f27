"""The independent check: replays the whole journal from entry 1 and compares it with what clients were told."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from daytrader.domain import event as ev
from daytrader.domain import refusal
from daytrader.domain.account import STRANGERS, Account
from daytrader.domain.command import ANSWERED_ANEW
from daytrader.domain.decide import decide, fire_buy, fire_sell, needs_quote
from daytrader.domain.evolve import replay
from daytrader.domain.money import dollars
from daytrader.domain.record import Record
from daytrader.domain.summary import summary
from daytrader.journal.entry import Entry, decode_records
from daytrader.transaction.message import Reply
from tests.simulation.clients import History, Sent
from tests.simulation.quotes import QuoteMarket

ADDITION = 10_000
"""Room for records in an entry, to give every record one comparable position."""


@dataclass
class Told:
    """One record, and everything that it must have made a client hear."""

    position: int
    record: Record
    reply: Reply
    n: int


@dataclass
class Truth:
    """What the journal says."""

    accounts: dict[tuple[int, str], Account] = field(default_factory=dict)
    at: dict[tuple[int, str], dict[int, Account]] = field(default_factory=dict)
    """Each account after each entry that touched it."""
    by_request: dict[str, list[Told]] = field(default_factory=lambda: defaultdict(list))
    hits: Counter[str] = field(default_factory=Counter)
    last: dict[int, int] = field(default_factory=dict)
    fired: int = 0

    def account_at(self, partition: int, user: str, place: int) -> Account | None:
        """Return the account after entry `place`."""
        places = [n for n in self.at.get((partition, user), ()) if n <= place]
        return self.at[partition, user][max(places)] if places else None


def read(history: dict[tuple[int, int], Entry], partitions: int) -> Truth:
    """Replay every partition from entry 1; every decision is made again and must come out the same."""
    truth = Truth()
    numbers: set[int] = set()
    for partition in range(partitions):
        entries = sorted((entry for (number, _), entry in history.items() if number == partition), key=lambda e: e.n)
        assert [entry.n for entry in entries] == list(range(1, len(entries) + 1)), "entries are not dense"
        truth.last[partition] = len(entries)
        running = 1
        time = 0
        for entry in entries:
            records = decode_records(entry)
            assert entry.first == running, f"entry {entry.n} starts with record {entry.first} instead of {running}"
            assert entry.count == len(records) > 0
            running += len(records)
            assert entry.time == records[-1].time
            for index, record in enumerate(records):
                assert record.time >= time, "time went back"
                time = record.time
                number = (entry.first + index) * partitions + partition
                assert number not in numbers
                numbers.add(number)
                _replay(truth, entry, index, record)
    return truth


def _replay(truth: Truth, entry: Entry, index: int, record: Record) -> None:
    key = (entry.partition, record.account)
    before = truth.accounts.get(key) if record.account else None
    if record.hit is not None:
        truth.hits[record.hit.cryptokey] += 1
    if record.command is not None:
        reply = _decided_again(before, record)
        told = Told(entry.n * ADDITION + index, record, reply, entry.n)
        truth.by_request[record.request].append(told)
    elif record.event is not None:
        _fired_again(before, record)
        truth.fired += 1
    if record.command is not None or record.event is not None:
        after = replay(truth.accounts.get(key), record)
        if after is not None:
            assert after.cents >= 0
            assert all(shares > 0 for shares in after.holdings.values())
            assert all(trigger.shares >= 0 for trigger in after.sell_triggers.values())
            truth.accounts[key] = after
            truth.at.setdefault(key, {})[entry.n] = after


def _decided_again(before: Account | None, record: Record) -> Reply:
    command = record.command
    assert command is not None
    if needs_quote(before, command):
        if record.quote is None:
            assert record.refusal == refusal.NO_QUOTE
        else:
            assert record.quote.valid(record.time), f"decided with an expired quote: {record}"
            assert record.quote.symbol == command.symbol
    outcome = decide(before, command, record.quote, record.time)
    if isinstance(outcome, str):
        assert (record.refusal, record.event) == (outcome, None), f"{record} should have been {outcome}"
        assert record.account == (command.user if before is not None else STRANGERS)
        return Reply(503 if outcome == refusal.NO_QUOTE else 400, outcome.encode())
    assert (record.refusal, record.event) == ("", outcome), f"{record} should have been {outcome}"
    if isinstance(outcome, ev.BuyPlaced):
        return Reply(200, b"", 0, (outcome.price, outcome.shares, outcome.cost))
    if isinstance(outcome, ev.SellPlaced):
        return Reply(200, b"", 0, (outcome.price, outcome.shares, outcome.proceeds))
    if command.name == "QUOTE" and record.quote is not None:
        quote, hit = record.quote, record.hit
        bought = hit is not None and (hit.symbol, hit.price, hit.server_time) == (
            quote.symbol,
            quote.price,
            quote.server_time,
        )
        return Reply(200, dollars(quote.price).encode(), 0, (quote.price, quote.asked_at, int(bought)))
    if command.name == "DISPLAY_SUMMARY" and before is not None:
        return Reply(200, summary(before, record.time))
    return Reply(200)


def _fired_again(before: Account | None, record: Record) -> None:
    event = record.event
    quote = record.quote
    assert before is not None
    assert quote is not None
    assert quote.valid(record.time), f"fired with an expired quote: {record}"
    assert isinstance(event, ev.BuyTriggerFired | ev.SellTriggerFired)
    fire = fire_buy if isinstance(event, ev.BuyTriggerFired) else fire_sell
    assert fire(before, event.symbol, quote) == event


def check_clients(truth: Truth, history: History, *, orderly: bool) -> None:
    """Everything that clients were told is so, once, and nothing that they never sent is."""
    sent_by_id: dict[str, list[Sent]] = defaultdict(list)
    for sent in history.sent:
        sent_by_id[sent.request.id].append(sent)
    for request, tolds in truth.by_request.items():
        commands = [sent.request.command for sent in sent_by_id[request]]
        assert all(told.record.command in commands for told in tolds), f"never sent: {tolds}"
        assert len(_effective(tolds)) <= 1, f"took effect twice: {_effective(tolds)}"
    for sent in history.sent:
        if sent.reply is not None:
            _check_reply(truth, sent, alone=len(sent_by_id[sent.request.id]) == 1)
    _check_order(truth, history, sent_by_id, orderly=orderly)


def _effective(tolds: list[Told]) -> list[Told]:
    return [
        told
        for told in tolds
        if told.record.command is not None
        and told.record.command.name not in ANSWERED_ANEW
        and told.record.refusal != refusal.NO_QUOTE
    ]


def _check_reply(truth: Truth, sent: Sent, *, alone: bool) -> None:
    reply = sent.reply
    assert reply is not None
    tolds = truth.by_request.get(sent.request.id, [])
    mine = [told for told in tolds if told.record.command == sent.request.command]
    if reply.status in (200, 400) or reply.body == refusal.NO_QUOTE.encode():
        said = [told.reply for told in mine]
        if sent.request.command is not None and sent.request.command.name == "DUMPLOG" and reply.place:
            said = [Reply(told.reply.status, told.reply.body, told.n) for told in mine]
        assert reply in said, f"was told {reply} at {sent.answered:.3f}, but the journal says {mine}: {sent}"
    elif reply.status == 422:
        assert sent.repeats is not None, f"was told that its id was used: {sent}"
        assert sent.repeats.request.command != sent.request.command
    elif reply.status == 429 or b"nothing was changed" in reply.body:
        assert not alone or not _effective(mine), f"was told that nothing happened: {sent} {mine}"
    else:
        assert reply.body == b"Outcome unknown", f"{reply}: {sent}"
    if (
        sent.repeats is not None
        and sent.repeats.reply is not None
        and sent.repeats.reply.status in (200, 400)
        and sent.request.command != sent.repeats.request.command
    ):
        assert reply.status in (422, 429, 503), f"another command was decided under a used id: {sent}"


def _check_order(truth: Truth, history: History, sent_by_id: dict[str, list[Sent]], *, orderly: bool) -> None:
    """Commands of one user took effect in the order in which they were acknowledged; where all of them took the same
    way (`orderly`), also in the order in which they were sent.
    """
    by_user: dict[str, list[tuple[Sent, int]]] = defaultdict(list)
    for sent in history.sent:
        command = sent.request.command
        tolds = truth.by_request.get(sent.request.id, [])
        acknowledged = sent.reply is not None and sent.reply.status in (200, 400)
        if acknowledged and command and len(tolds) == len(sent_by_id[sent.request.id]) == 1:
            by_user[command.user].append((sent, tolds[0].position))
    for user, sents in by_user.items():
        if not user:
            continue
        for one, position in sents:
            for other, later in sents:
                if one.answered < other.sent:
                    assert position < later, f"out of order: {one} before {other}"
                elif orderly and one.sent == other.sent and one.order < other.order:
                    assert position < later, f"out of the order in which they were sent: {one} before {other}"


def check_hits(truth: Truth, market: QuoteMarket) -> None:
    """Every hit that was paid for is in the log once.

    Those of a replica that was killed may be missing; and one that slept longer than entries are kept cannot know
    whether the entry with its hit was there before it was trimmed, and logs it again.
    """
    for key, paid in market.paid.items():
        times = truth.hits[key]
        assert times <= (2 if paid.process.slept else 1), f"hit {paid} is logged {times} times"
        assert times >= 1 or paid.process.dead, f"hit {paid} is not logged"
    assert set(truth.hits) <= set(market.paid), "a hit that never was is logged"


def check_money(truth: Truth, history: dict[tuple[int, int], Entry], fixed_price: int) -> None:
    """With a constant price, cash and shares together are worth what was added."""
    added = sum(
        record.event.cents
        for entry in history.values()
        for record in decode_records(entry)
        if isinstance(record.event, ev.Added)
    )
    accounts = [account for (_, user), account in truth.accounts.items() if user]
    cash = sum(account.cents + account.reserved_cents for account in accounts)
    if fixed_price:
        shares = sum(
            sum(account.holdings.values()) + sum(trigger.shares for trigger in account.sell_triggers.values())
            for account in accounts
        )
        assert cash + fixed_price * shares == added
