"""What makes a page live: the parts that have changed, and when."""

import asyncio

import pytest
from lxml import html

from daytrader.domain.account import Account, Order, Recent
from daytrader.domain.command import parse
from daytrader.domain.event import BuyTriggerFired
from daytrader.domain.quote import Quote
from daytrader.domain.record import Record
from daytrader.transaction.feed import Happened
from daytrader.web.account_stream import AccountStream
from daytrader.web.event_id import EventId
from daytrader.web.page.trade.live import LiveTrade, Parts, Wanted
from daytrader.web.page.trade.past import Filter
from daytrader.web.page.trade.seen import Seen
from daytrader.web.quote_stream import QuoteBoard
from tests.web.page.trade.person import words

T = 1_700_000_000_000


class Subject:
    """A watched user, as the test says that it is."""

    def __init__(self) -> None:
        self.account: Account | None = None
        self.n = 1
        self.closed = False

    @property
    def id(self) -> EventId:
        """The place up to which everything is known."""
        return EventId(7, self.n)

    def now(self) -> int:
        """Return the time."""
        return T

    def left(self, _: AccountStream) -> None:
        """Note that the stream is closed."""
        self.closed = True


class Scene:
    """A live page, and what happens before it."""

    def __init__(self) -> None:
        self.now = T
        self.subject = Subject()
        self.stream = AccountStream(self.subject, None)
        self.board = QuoteBoard(lambda: None)
        self.seen = Seen()

    def page(self, **wanted: object) -> LiveTrade:
        """Return the page."""
        about = Wanted("alice", "the csrf token", **wanted)  # type: ignore[arg-type]
        return LiveTrade(self.stream, self.board.stream, self.seen, lambda: self.now, about)

    def show(self, account: Account | None, *happened: Record) -> None:
        """Let the account be this one, after what happened."""
        self.subject.account = account
        self.subject.n += 1
        if happened:
            self.stream.tell([Happened(self.subject.n, number, one) for number, one in enumerate(happened)])
        else:
            self.stream.start_over()


@pytest.fixture
async def scene() -> Scene:
    """A scene, before its curtain."""
    return Scene()


async def following(page: LiveTrade) -> dict[str, str]:
    """Return what each part of the next event says."""
    return read(await asyncio.wait_for(anext(page), 5))


def read(parts: Parts) -> dict[str, str]:
    """Return what each part says."""
    return {str(one.get("id")): words(one) for one in html.fragments_fromstring(parts.html)}


async def test_a_page_gets_everything_first_and_then_what_changed(scene: Scene) -> None:
    """Under the id of the event that brought it."""
    page = scene.page()
    scene.show(Account(1_000))
    first = await anext(page)
    assert first.id == "7-2"
    assert set(read(first)) == {"account", "cash", "worth", "quote", "holdings", "pending", "triggers", "history"}
    assert 'value="the csrf token"' not in first.html
    scene.show(Account(1_000, buys=(Order("ABC", 100, 1, 100, T),)))
    second = await anext(page)
    assert set(read(second)) == {"pending"}
    assert 'value="the csrf token"' in second.html
    await page.aclose()


async def test_nothing_is_sent_where_nothing_is_different(scene: Scene) -> None:
    """An update that shows on no part of the page is no event."""
    page = scene.page()
    scene.show(Account(1_000))
    await anext(page)
    scene.show(Account(1_000))
    waiting = asyncio.create_task(anext(page))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    scene.show(Account(2_000))
    assert read(await waiting)["cash"].startswith("Free cash 20.00")
    await page.aclose()


async def test_an_order_goes_when_it_expires_though_nothing_happens(scene: Scene) -> None:
    """The page does not wait for an event."""
    page = scene.page()
    scene.show(Account(1_000, buys=(Order("ABC", 100, 1, 100, T - 59_990),)))
    assert "Buy 1 ABC" in (await following(page))["pending"]
    waiting = asyncio.create_task(anext(page))
    await asyncio.sleep(0)
    scene.now = T + 10
    assert read(await asyncio.wait_for(waiting, 5))["pending"].startswith("Nothing is pending")
    await page.aclose()


async def test_a_new_quote_changes_what_shares_are_worth(scene: Scene) -> None:
    """The quotes of whatever the account has are followed, also of what it gets later."""
    page = scene.page()
    scene.show(Account(1_000))
    await anext(page)
    scene.show(Account(500, {"ABC": 2}))
    assert (await following(page))[
        "cash"
    ] == "Free cash 5.00 Reserved 0.00 Shares 0.00 without ABC: no quote yet In all 5.00"
    scene.board.take([Quote("ABC", 250, T, 0), Quote("XYZ", 1, T, 0)])
    parts = await following(page)
    assert parts["cash"] == "Free cash 5.00 Reserved 0.00 Shares 5.00 In all 10.00"
    assert "ABC 2 2.50" in parts["holdings"]
    scene.board.take([Quote("ABC", 300, T + 5_000, 0)])
    scene.now += 5_000
    parts = await following(page)
    assert parts["cash"].endswith("In all 11.00")
    assert "It rose from 10.00 to 11.00" in parts["worth"]
    await page.aclose()
    assert scene.board.symbols() == []
    assert scene.subject.closed


async def test_a_chosen_symbol_is_followed_as_well(scene: Scene) -> None:
    """Whether or not the account has anything of it."""
    page = scene.page(symbol="XYZ")
    scene.show(None)
    assert (await following(page))["quote"] == "No quote of XYZ is known here: get one."
    scene.board.take([Quote("XYZ", 250, T, 0)])
    assert (await following(page))["quote"].endswith(", the newest that is known")
    await page.aclose()


async def test_a_trigger_that_fires_is_announced_once(scene: Scene) -> None:
    """And stands in the history from then on."""
    page = scene.page()
    scene.show(Account(1_000))
    await anext(page)
    fired = Record(T, "alice", event=BuyTriggerFired("ABC", 490, 2, 980, 10))
    scene.show(Account(20, {"ABC": 2}), fired)
    parts = await following(page)
    assert parts["status"] == "A trigger on ABC fired: bought 2 shares at 4.90, 9.80 in all."
    assert "Trigger fired ABC 9.80 bought 2 shares at 4.90 fired" in parts["history"]
    scene.show(Account(30, {"ABC": 2}))
    assert "status" not in await following(page)
    await page.aclose()


async def test_the_page_of_the_history_gets_the_history_as_it_is_filtered(scene: Scene) -> None:
    """And no other part."""
    page = scene.page(view="history", lines=Filter(kind="QUOTE"))
    recent = (
        Recent("w:1", T, parse("ADD", "alice", amount="1.00")),
        Recent("w:2", T, parse("QUOTE", "alice", "ABC")),
    )
    scene.show(Account(recent=recent))
    parts = await following(page)
    assert list(parts) == ["history"]
    assert "Quote ABC accepted" in parts["history"]
    assert "Deposit" not in parts["history"]
    await page.aclose()


async def test_a_page_ends_with_its_stream(scene: Scene) -> None:
    """So its reader goes to another replica."""
    page = scene.page()
    scene.show(Account(1_000))
    await anext(page)
    scene.stream.end()
    with pytest.raises(StopAsyncIteration):
        await anext(page)
    await page.aclose()


async def test_a_reader_that_is_interrupted_loses_nothing(scene: Scene) -> None:
    """A heartbeat interrupts whoever waits for the next event."""
    page = scene.page()
    scene.show(Account(1_000))
    await anext(page)
    waiting = asyncio.create_task(anext(page))
    await asyncio.sleep(0)
    waiting.cancel()
    scene.show(Account(2_000))
    assert (await following(page))["cash"].startswith("Free cash 20.00")
    await page.aclose()
