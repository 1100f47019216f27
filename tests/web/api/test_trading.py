"""The API in front of a whole installation: the rules, the journal and the log are those of `/command/`."""

import json

from jsonschema import Draft202012Validator
from lxml import etree

from tests.web.api.asking import ask, problem, said
from tests.web.client import exchange, get


async def test_a_days_trade(installation: int) -> None:
    """Deposit, order, commit, triggers: the account shows each, the history tells each, as does the log."""
    port = installation
    assert problem(await ask(port, "GET", "/accounts/bob"), 400)["code"] == "no-such-user"
    said(await ask(port, "POST", "/accounts/bob/deposits", {"amount_cents": 100_000}))
    bought = said(await ask(port, "GET", "/accounts/bob/quotes/DOG"))
    assert (bought["symbol"], bought["price_cents"], bought["source"]) == ("DOG", 500, "server")
    known = said(await ask(port, "GET", "/accounts/bob/quotes/DOG"))
    assert known == {**bought, "source": "cache"}
    order = said(await ask(port, "POST", "/accounts/bob/buys", {"symbol": "DOG", "amount_cents": 10_250}), 201)
    assert (order["price_cents"], order["shares"], order["total_cents"]) == (500, 20, 10_000)
    said(await ask(port, "POST", "/accounts/bob/buys/commit"))
    assert problem(await ask(port, "POST", "/accounts/bob/buys/commit"), 400)["code"] == "nothing-pending"
    said(await ask(port, "PUT", "/accounts/bob/buy-triggers/CAT/amount", {"amount_cents": 5_000}))
    said(await ask(port, "PUT", "/accounts/bob/buy-triggers/CAT/price", {"price_cents": 400}))
    said(await ask(port, "PUT", "/accounts/bob/sell-triggers/DOG/amount", {"amount_cents": 3_000}))
    shown = said(await ask(port, "GET", "/accounts/bob"))
    assert (shown["cash_cents"], shown["reserved_cents"]) == (85_000, 5_000)
    assert shown["holdings"] == [{"symbol": "DOG", "shares": 20}]
    assert shown["buy_triggers"] == [{"symbol": "CAT", "amount_cents": 5_000, "price_cents": 400}]
    assert shown["sell_triggers"] == [{"symbol": "DOG", "amount_cents": 3_000, "price_cents": None}]
    said(await ask(port, "DELETE", "/accounts/bob/sell-triggers/DOG"))
    past = said(await ask(port, "GET", "/accounts/bob/history"))["commands"]
    log = await ask(port, "GET", "/accounts/bob/log")
    root = etree.fromstring(log.body)
    told = [command.text for command in root.iterfind("userCommand/command")]
    # The log begins before the first deposit, where the history of the account begins, and holds what asked for it.
    assert told == ["DISPLAY_SUMMARY", *(one["command"] for one in past), "DISPLAY_SUMMARY", "DUMPLOG"]
    assert [error.text for error in root.iterfind("errorEvent/errorMessage")] == [
        "User does not exist",
        "The specified stack is empty",
    ]


async def test_a_command_sent_again_takes_effect_once(installation: int) -> None:
    """The same Idempotency-Key gets the first answer, also at `/command/`; with another command it is a problem."""
    port = installation
    deposit = {"amount_cents": 5_000}
    key = "Idempotency-Key: first"
    for _ in range(2):
        assert said(await ask(port, "POST", "/accounts/bob/deposits", deposit, key)) == {"request_id": "k:first"}
    assert (await exchange(port, get("/command/ADD?userid=bob&amount=50.00", key))).status == 200
    assert said(await ask(port, "GET", "/accounts/bob"))["cash_cents"] == 5_000
    order, key = {"symbol": "DOG", "amount_cents": 1_000}, "Idempotency-Key: second"
    first = said(await ask(port, "POST", "/accounts/bob/buys", order, key), 201)
    assert said(await ask(port, "POST", "/accounts/bob/buys", order, key), 201) == first
    other = await ask(port, "POST", "/accounts/bob/buys", {"symbol": "CAT", "amount_cents": 1_000}, key)
    assert problem(other, 422)["code"] == "idempotency-key-reused"


async def test_a_batch_of_many_users(installation: int) -> None:
    """Commands of fifty users in one batch take effect each in its user's order; every answer is of the schema."""
    port = installation
    users = [f"user{number}" for number in range(50)]
    steps: list[dict[str, object]] = [
        {"command": "DISPLAY_SUMMARY"},
        {"command": "ADD", "amount_cents": 10_000},
        {"command": "QUOTE", "symbol": "DOG"},
        {"command": "BUY", "symbol": "DOG", "amount_cents": 1_000},
        {"command": "COMMIT_BUY"},
        {"command": "COMMIT_BUY"},
        {"command": "DISPLAY_SUMMARY"},
    ]
    body = b"".join(json.dumps({"user": user, **step}).encode() + b"\n" for step in steps for user in users)
    answer = await exchange(port, get("/api/v1/batch", "Content-Type: application/x-ndjson", method="POST", body=body))
    assert (answer.status, answer.complete) == (200, True)
    answers = [json.loads(line) for line in answer.body.splitlines()]
    assert [one["line"] for one in answers] == list(range(1, len(users) * len(steps) + 1))
    statuses = [one["status"] for one in answers]
    assert statuses == [status for status in (400, 200, 200, 201, 200, 400, 200) for _ in users]
    for user, one in zip(users, answers[-len(users) :], strict=True):
        assert (one["answer"]["user"], one["answer"]["cash_cents"]) == (user, 9_000)
        assert one["answer"]["holdings"] == [{"symbol": "DOG", "shares": 2}]
    document = said(await ask(port, "GET", "/openapi.json"))
    schema = Draft202012Validator({"$ref": "#/components/schemas/BatchAnswer", "components": document["components"]})
    for one in answers:
        schema.validate(one)
