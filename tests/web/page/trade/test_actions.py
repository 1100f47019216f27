"""Actions, and the words for what came of them."""

import pytest

from daytrader.domain import refusal
from daytrader.domain.command import COMMAND_NAMES, parse
from daytrader.transaction.message import Reply, Request
from daytrader.web.api.problems import KINDS
from daytrader.web.dispatch import FULL, NO_REPLICA, UNKNOWN
from daytrader.web.page.trade.actions import ACTIONS
from daytrader.web.page.trade.outcome import AskedQuote, Outcome, outcome_of


def outcome(action: str, reply: Reply) -> Outcome:
    """Return what came of an action on ABC for 12.50."""
    wanted = ACTIONS[action]
    return outcome_of(wanted, Request("w:1", 0, parse(wanted.command, "alice", "ABC", "1250.00"), 0), reply)


def test_every_command_that_changes_an_account_is_an_action() -> None:
    """And a quote; what shows an account is a page."""
    assert {one.command for one in ACTIONS.values()} == COMMAND_NAMES.keys() - {"DISPLAY_SUMMARY", "DUMPLOG"}
    assert all(name == one.name for name, one in ACTIONS.items())


@pytest.mark.parametrize("action", list(ACTIONS))
def test_what_was_done_is_said_in_words(action: str) -> None:
    """With what it was done to."""
    body = b"5.00" if action == "quote" else b""
    said = outcome(action, Reply(200, body))
    assert said.ok
    assert said.request == "w:1"
    assert "{" not in said.text
    assert ("ABC" in said.text) == ("{symbol}" in ACTIONS[action].words)


def test_an_order_says_what_it_is_for() -> None:
    """Price, shares and what committing it costs or brings."""
    words = "Pending: sell 2 of ABC at 6.00, 1,200.00 in all. Commit it within 60 s."
    assert outcome("sell", Reply(200, answer=(600, 2, 120_000))).text == words


def test_a_quote_tells_its_age_and_where_it_comes_from() -> None:
    """So the page can show both."""
    said = outcome("quote", Reply(200, b"5.00", answer=(500, 1_234, 1)))
    assert said.quote == AskedQuote("ABC", 500, 1_234, bought=True)
    assert said.text == "One share of ABC is 5.00."


@pytest.mark.parametrize(
    "title", [one.title for one in KINDS.values() if one.status == 400 and one.code != "malformed-request"]
)
def test_a_refusal_says_what_can_be_done(title: str) -> None:
    """In the words that the log has, and the advice that the API gives."""
    said = outcome("buy", Reply(400, title.encode()))
    assert said.text.startswith(f"{title}. ")
    assert said.text != f"{title}. "
    assert (said.ok, said.status) == (False, 400)


@pytest.mark.parametrize(
    "reply",
    [FULL, NO_REPLICA, UNKNOWN, Reply(503, refusal.NO_QUOTE.encode()), Reply(422, b"reused"), Reply(500, b"?")],
)
def test_what_was_not_decided_says_so_and_names_no_command(reply: Reply) -> None:
    """So the page does not wait for it to be shown."""
    said = outcome("buy", reply)
    assert (said.ok, said.status, said.request) == (False, reply.status, "")
    assert said.text
    assert "Retry-After" not in said.text


def test_only_an_unknown_outcome_leaves_open_whether_it_was_done() -> None:
    """Everything else changed nothing."""
    assert "Nobody knows" in outcome("buy", UNKNOWN).text
    assert "nothing was done" in outcome("buy", NO_REPLICA).text
