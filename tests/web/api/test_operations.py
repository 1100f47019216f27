"""The table of operations, over real sockets: each gives its command and answers what came of it."""

import pytest

from daytrader.domain.account import Account
from daytrader.domain.command import COMMAND_NAMES, Command
from daytrader.domain.event import Added, BuyPlaced
from daytrader.domain.evolve import replay
from daytrader.domain.record import Record
from daytrader.domain.summary import summary
from daytrader.journal.entry import partition_of
from daytrader.transaction.message import Reply
from daytrader.web.api.operations import LOGS, OPERATIONS
from tests.web.api.asking import ask, said
from tests.web.stand_in import Behind

ORDER = {"symbol": "DOG", "amount_cents": 1234}
AMOUNT = {"amount_cents": 1234}
PRICE = {"price_cents": 1234}

PLAIN = [
    ("POST", "/accounts/bob/deposits", AMOUNT, Command("ADD", "bob", cents=1234)),
    ("POST", "/accounts/bob/buys/commit", None, Command("COMMIT_BUY", "bob")),
    ("POST", "/accounts/bob/buys/cancel", None, Command("CANCEL_BUY", "bob")),
    ("POST", "/accounts/bob/sells/commit", None, Command("COMMIT_SELL", "bob")),
    ("POST", "/accounts/bob/sells/cancel", None, Command("CANCEL_SELL", "bob")),
    ("PUT", "/accounts/bob/buy-triggers/DOG/amount", AMOUNT, Command("SET_BUY_AMOUNT", "bob", "DOG", 1234)),
    ("PUT", "/accounts/bob/buy-triggers/DOG/price", PRICE, Command("SET_BUY_TRIGGER", "bob", "DOG", 1234)),
    ("DELETE", "/accounts/bob/buy-triggers/DOG", None, Command("CANCEL_SET_BUY", "bob", "DOG")),
    ("PUT", "/accounts/bob/sell-triggers/DOG/amount", AMOUNT, Command("SET_SELL_AMOUNT", "bob", "DOG", 1234)),
    ("PUT", "/accounts/bob/sell-triggers/DOG/price", PRICE, Command("SET_SELL_TRIGGER", "bob", "DOG", 1234)),
    ("DELETE", "/accounts/bob/sell-triggers/DOG", None, Command("CANCEL_SET_SELL", "bob", "DOG")),
]


@pytest.mark.parametrize(("method", "path", "document", "command"), PLAIN)
async def test_a_command_that_answers_nothing_gets_a_receipt(
    behind: Behind, port: int, method: str, path: str, document: object, command: Command
) -> None:
    """The command goes to its user's partition at the time of its arrival; the answer is the id that the log knows."""
    answer = await ask(port, method, path, document)
    (request,) = behind.requests
    assert request.command == command
    assert (request.partition, request.first_sent, request.attempt) == (partition_of("bob", 16), 1_234, 0)
    assert said(answer) == {"request_id": request.id}
    assert answer.headers["x-request-id"] == request.id
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("kind", "name"), [("buys", "BUY"), ("sells", "SELL")])
async def test_placing_an_order_tells_what_it_costs(behind: Behind, port: int, kind: str, name: str) -> None:
    """The answer to an order is price, shares and total, in cents."""
    behind.answer = lambda _: Reply(200, b"", 0, (500, 2, 1000))
    answer = said(await ask(port, "POST", f"/accounts/bob/{kind}", ORDER), 201)
    (request,) = behind.requests
    assert request.command == Command(name, "bob", "DOG", 1234)  # type: ignore[arg-type]
    assert answer == {
        "request_id": request.id,
        "symbol": "DOG",
        "price_cents": 500,
        "shares": 2,
        "total_cents": 1000,
    }


async def test_an_order_of_an_earlier_build_has_no_price(behind: Behind, port: int) -> None:
    """An order sent again whose first answer was not kept is answered without price, shares and total."""
    answer = said(await ask(port, "POST", "/accounts/bob/buys", ORDER), 201)
    assert (answer["price_cents"], answer["shares"], answer["total_cents"]) == (None, None, None)
    assert behind.requests


async def test_a_quote(behind: Behind, port: int) -> None:
    """A quote is a price in cents."""
    behind.answer = lambda _: Reply(200, b"1234.05")
    answer = await ask(port, "GET", "/accounts/bob/quotes/DOG")
    assert said(answer) == {"symbol": "DOG", "price_cents": 123_405, "asked_at_ms": None, "source": None}
    assert behind.requests[0].command == Command("QUOTE", "bob", "DOG")


@pytest.mark.parametrize(("bought", "source"), [(1, "server"), (0, "cache")])
async def test_how_old_a_quote_is_and_where_it_is_from(behind: Behind, port: int, bought: int, source: str) -> None:
    """A quote says when the quote server was asked, and whether that was done for this command."""
    behind.answer = lambda _: Reply(200, b"5.00", 0, (500, 1_700_000_000_123, bought))
    answer = said(await ask(port, "GET", "/accounts/bob/quotes/DOG"))
    assert answer == {"symbol": "DOG", "price_cents": 500, "asked_at_ms": 1_700_000_000_123, "source": source}


def account() -> Account:
    """Return an account of 100 cents with a pending buy, and a refused command in its history."""
    found: Account | None = None
    for record in (
        Record(1_000, "bob", "w:1", Command("ADD", "bob", cents=100), event=Added(100)),
        Record(2_000, "bob", "w:2", Command("BUY", "bob", "DOG", 60), event=BuyPlaced("DOG", 20, 3, 60)),
        Record(3_000, "bob", "w:3", Command("COMMIT_SELL", "bob"), refusal="The specified stack is empty"),
    ):
        found = replay(found, record)
    assert found is not None
    return found


async def test_the_account(behind: Behind, port: int) -> None:
    """The account is what DISPLAY_SUMMARY says, with the unit in every name."""
    shown = account()
    behind.answer = lambda _: Reply(200, summary(shown, 4_000))
    assert said(await ask(port, "GET", "/accounts/bob")) == {
        "user": "bob",
        "cash_cents": 100,
        "reserved_cents": 0,
        "holdings": [],
        "buy_triggers": [],
        "sell_triggers": [],
        "pending_buys": [
            {
                "symbol": "DOG",
                "price_cents": 20,
                "shares": 3,
                "total_cents": 60,
                "placed_at_ms": 2_000,
                "expires_at_ms": 62_000,
            }
        ],
        "pending_sells": [],
    }
    assert behind.requests[0].command == Command("DISPLAY_SUMMARY", "bob")


async def test_holdings_and_triggers(behind: Behind, port: int) -> None:
    """Triggers stand by kind; one that is not armed has no price."""
    behind.answer = lambda _: Reply(
        200,
        b'{"cents":1,"investments":[{"stock":"DOG","amount":7}],"reserved_cents":5,"pending_buys":[],'
        b'"pending_sells":[],"history":[],"triggers":['
        b'{"stock":"A","price_cents":0,"amount_cents":5,"is_sell":false},'
        b'{"stock":"B","price_cents":3,"amount_cents":9,"is_sell":true}]}',
    )
    answer = said(await ask(port, "GET", "/accounts/bob"))
    assert answer["holdings"] == [{"symbol": "DOG", "shares": 7}]
    assert answer["buy_triggers"] == [{"symbol": "A", "amount_cents": 5, "price_cents": None}]
    assert answer["sell_triggers"] == [{"symbol": "B", "amount_cents": 9, "price_cents": 3}]


async def test_the_history(behind: Behind, port: int) -> None:
    """The history tells each command with its outcome; what a command does not take is null."""
    shown = account()
    behind.answer = lambda _: Reply(200, summary(shown, 4_000))
    answer = said(await ask(port, "GET", "/accounts/bob/history"))
    assert answer["user"] == "bob"
    assert answer["commands"][1:] == [
        {
            "time_ms": 2_000,
            "command": "BUY",
            "symbol": "DOG",
            "amount_cents": 60,
            "accepted": True,
            "refusal": None,
        },
        {
            "time_ms": 3_000,
            "command": "COMMIT_SELL",
            "symbol": None,
            "amount_cents": None,
            "accepted": False,
            "refusal": "The specified stack is empty",
        },
    ]


@pytest.mark.parametrize(("path", "user"), [("/accounts/bob/log", "bob"), ("/log", "")])
async def test_a_log(behind: Behind, port: int, path: str, user: str) -> None:
    """A log is a DUMPLOG: its barriers stand in the journal before it is streamed as XML."""
    behind.answer = lambda _: Reply(200, place=7)
    answer = await ask(port, "GET", path)
    assert (answer.status, answer.body) == (200, b"<log></log>")
    assert answer.headers["content-type"] == "application/xml"
    assert behind.requests[0].command == Command("DUMPLOG", user)
    assert behind.dumps[0][0] == (user or None)
    assert set(behind.dumps[0][1]) == ({partition_of("bob", 16)} if user else set(range(16)))


def test_every_command_has_an_operation() -> None:
    """What `/command/` can do, the API can, and no two operations are the same."""
    assert {one.command for one in OPERATIONS} | {"DUMPLOG"} == set(COMMAND_NAMES)
    ids = [one.id for one in OPERATIONS] + [one.id for one in LOGS]
    assert len(set(ids)) == len(ids)
    assert len({(one.method, one.path) for one in OPERATIONS}) == len(OPERATIONS)
