"""The trader's pages, in front of a whole installation, as a browser without JavaScript sees them."""

import asyncio
import csv
import io

from lxml import etree

from daytrader.audit.schema import log_schema
from tests.web.page.trade.person import Person

ALICE = "/trade/alice"


async def test_a_days_trade_by_forms_alone(anybody: Person) -> None:
    """Deposit, quote, buy, commit, sell, triggers: after each form comes the page with what came of it."""
    page = await anybody.open(ALICE)
    assert page.text("account") == "There is no account of alice yet: the first deposit makes it."
    page = await anybody.send(page, f"{ALICE}/deposit", amount="1,000")
    assert (page.status, page.path) == (200, ALICE)
    assert page.text("deposit-outcome") == "1,000.00 came in."
    assert page.text("cash") == "Free cash 1,000.00 Reserved 0.00 Shares 0.00 In all 1,000.00"
    page = await anybody.send(page, f"{ALICE}/quote", symbol="abc")
    assert page.path == f"{ALICE}?symbol=ABC"
    assert page.text("ticket-outcome") == "One share of ABC is 5.00."
    assert page.text("quote").startswith("ABC 5.00 ")
    assert page.text("quote").endswith(", from the quote server")
    page = await anybody.send(page, f"{ALICE}/buy", symbol="abc", amount="102.5")
    assert page.text("ticket-outcome").startswith("Pending: buy 20 of ABC at 5.00, 100.00 in all.")
    assert "Buy 20 ABC at 5.00 100.00 until " in page.text("pending")
    page = await anybody.send(page, f"{ALICE}/commit-buy")
    assert page.text("pending-outcome") == "The buy is committed."
    assert page.text("pending").startswith("Nothing is pending.")
    assert page.text("holdings").startswith("Stock Shares Price Value ABC 20 5.00")
    page = await anybody.send(page, f"{ALICE}/sell", symbol="ABC", amount="10")
    page = await anybody.send(page, f"{ALICE}/cancel-sell")
    assert page.text("pending-outcome") == "The sell is cancelled."
    page = await anybody.send(page, f"{ALICE}/set-sell-amount", symbol="ABC", amount="50")
    assert page.text("triggers-outcome") == "The sell trigger on ABC is for 50.00."
    page = await anybody.send(page, f"{ALICE}/set-sell-price", amount="10")
    assert "Sell ABC for 50.00 at 10.00 or above" in page.text("triggers")
    assert "5 shares reserved" in page.text("triggers")
    assert "ABC 20 5 reserved 5.00" in page.text("holdings")
    page = await anybody.send(page, f"{ALICE}/cancel-sell-trigger")
    assert page.text("triggers-outcome") == "The sell trigger on ABC is gone."
    page = await anybody.send(page, f"{ALICE}/set-buy-amount", symbol="XYZ", amount="60.00")
    page = await anybody.send(page, f"{ALICE}/set-buy-price", amount="4.5")
    assert "Buy XYZ for 60.00 at 4.50 or below" in page.text("triggers")
    assert page.text("cash") == "Free cash 840.00 Reserved 60.00 Shares 100.00 In all 1,000.00"


async def test_a_refusal_stands_beside_its_form_with_what_to_do(anybody: Person) -> None:
    """And nowhere else; it also has its place in the history."""
    page = await anybody.send(await anybody.open(ALICE), f"{ALICE}/deposit", amount="10")
    page = await anybody.send(page, f"{ALICE}/buy", symbol="ABC", amount="100")
    assert page.text("ticket-outcome") == "Insufficient funds. Deposit, or free what a trigger reserves."
    assert page.has("//*[@id='ticket-outcome'][contains(@class, 'bad')]")
    assert (page.text("status"), page.text("trouble"), page.text("deposit-outcome")) == ("", "", "")
    assert "Buy ABC 100.00 Insufficient funds" in page.text("history")
    page = await anybody.send(page, f"{ALICE}/deposit", amount="ten")
    assert page.text("deposit-outcome") == "Invalid amount. Correct the value."
    page = await anybody.open(ALICE)
    assert page.text("deposit-outcome") == ""


async def test_a_form_that_is_sent_twice_takes_effect_once(anybody: Person) -> None:
    """It carries a name of its own; with something else in it, it is refused."""
    page = await anybody.open(ALICE)
    for _ in range(2):
        after = await anybody.send(page, f"{ALICE}/deposit", amount="10")
        assert after.text("deposit-outcome") == "10.00 came in."
    assert after.text("cash").startswith("Free cash 10.00 ")
    after = await anybody.send(page, f"{ALICE}/deposit", amount="20")
    assert after.text("deposit-outcome").startswith("This form was sent before with something else in it.")


async def test_a_script_gets_a_fragment_for_a_form(anybody: Person) -> None:
    """The outcome alone: what changed comes by the stream."""
    page = await anybody.open(ALICE)
    status, text = await anybody.fetch(page, f"{ALICE}/deposit", amount="10")
    assert (status, text.strip()) == (
        200,
        '<p class="outcome good" id="deposit-outcome" data-say>10.00 came in.</p>',
    )
    status, text = await anybody.fetch(page, f"{ALICE}/commit-buy")
    assert status == 400
    assert 'class="outcome bad" id="pending-outcome" data-say>The specified stack is empty. Place' in text


async def test_two_browsers_see_each_others_effects(anybody: Person) -> None:
    """The stream sends the parts that have changed, and goes on where it was lost."""
    page = await anybody.open(ALICE)
    async with anybody.watch(page.live) as watch:
        await anybody.fetch(page, f"{ALICE}/deposit", amount="10")
        parts = await watch.parts()
        assert parts["cash"] == "Free cash 10.00 Reserved 0.00 Shares 0.00 In all 10.00"
        assert parts["account"] == ""
        await anybody.fetch(page, f"{ALICE}/buy", symbol="ABC", amount="5")
        parts = await watch.parts()
        assert "pending" in parts
        assert "cash" not in parts
        last = watch.last_id
    await anybody.fetch(page, f"{ALICE}/commit-buy")
    async with anybody.watch(f"{ALICE}/live?after={last}") as watch:
        assert (await watch.parts())["cash"] == "Free cash 5.00 Reserved 0.00 Shares 5.00 In all 10.00"


async def test_the_history_is_filtered(anybody: Person) -> None:
    """By its form, and the same in its stream."""
    page = await anybody.open(ALICE)
    page = await anybody.send(page, f"{ALICE}/deposit", amount="10")
    await anybody.send(page, f"{ALICE}/cancel-buy")
    page = await anybody.open("/history/alice?outcome=refused&text=stack")
    assert page.text("history").endswith("Cancel buy The specified stack is empty")
    assert page.has("//option[@value='refused'][@selected]")
    assert page.live.endswith("view=history&outcome=refused&text=stack")
    async with anybody.watch(page.live.replace("after=", "since=")) as watch:
        assert (await watch.parts())["history"] == page.text("history")
    page = await anybody.open("/history/alice?text=nothing+like+that")
    assert page.text("history") == "Nothing of the last 100 commands is like that."
    assert (await anybody.open("/history/carol")).text("history") == "Nothing was done yet."


async def test_the_log_is_to_be_had_as_xml_and_as_csv(anybody: Person) -> None:
    """The same events in both."""
    page = await anybody.open(ALICE)
    await anybody.send(page, f"{ALICE}/deposit", amount="10")
    async with anybody.client.get(f"{anybody.base}{ALICE}/log.xml") as answer:
        assert answer.headers["Content-Disposition"] == 'attachment; filename="alice-log.xml"'
        assert answer.content_type == "application/xml"
        root = etree.fromstring(await answer.read())
    async with anybody.client.get(f"{anybody.base}{ALICE}/log.csv") as answer:
        assert answer.headers["Content-Disposition"] == 'attachment; filename="alice-log.csv"'
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"
        rows = list(csv.DictReader(io.StringIO(await answer.text(), newline="")))
    log_schema().assertValid(root)
    events = [event.tag for event in root]
    assert events == ["userCommand", "accountTransaction", "userCommand"]
    assert [row["event"] for row in rows] == [*events, "userCommand"]


async def test_an_account_is_chosen_where_it_goes_without_saying_or_by_its_name(people: dict[str, Person]) -> None:
    """A trader has one account; whoever trades for others is asked."""
    assert (await people["alice"].open("/trade")).path == ALICE
    assert (await people["alice"].open("/history")).path == "/history/alice"
    page = await people["broker"].open("/trade")
    assert page.path == "/trade"
    assert page.has("//input[@name='user']")
    assert (await people["broker"].open("/trade?user=alice")).path == ALICE
    page = await people["broker"].open("/trade?user=no+such+name")
    assert page.status == 400
    assert "is no userid" in page.source


async def test_nobody_sees_or_trades_for_another(people: dict[str, Person]) -> None:
    """A trader the own account alone, a broker and an admin any, a stranger none; in all that there is of it."""
    own = await people["alice"].open(ALICE)
    form = own.hidden(f"{ALICE}/deposit")
    await people["alice"].send(own, f"{ALICE}/deposit", amount="5")
    for path in (ALICE, "/history/alice", f"{ALICE}/log.xml", f"{ALICE}/log.csv"):
        found = await asyncio.gather(*(one.status(path) for one in people.values()))
        assert dict(zip(people, found, strict=True)) == {
            **{"alice": 200, "bob": 403, "broker": 200, "boss": 200},
            "stranger": 303,
        }
    for name, expected in {"bob": 403, "stranger": 401}.items():
        assert await people[name].status(f"{ALICE}/deposit", "POST", **form, amount="10") == expected
        assert await people[name].status(f"{ALICE}/live") in (401, 403, 303)
    bobs = (await people["bob"].open("/trade/bob")).hidden("/trade/bob/deposit")
    assert await people["bob"].status(f"{ALICE}/deposit", "POST", **bobs, amount="10") == 403
    page = await people["broker"].open(ALICE)
    page = await people["broker"].send(page, f"{ALICE}/deposit", amount="10")
    assert page.text("deposit-outcome") == "10.00 came in."
    assert (await people["alice"].open(ALICE)).text("cash").startswith("Free cash 15.00")


async def test_a_form_of_another_page_or_site_does_nothing(people: dict[str, Person]) -> None:
    """Without the CSRF token, or with somebody else's, or from another origin."""
    alice = people["alice"]
    form = (await alice.open(ALICE)).hidden(f"{ALICE}/deposit")
    bobs = (await people["bob"].open("/trade/bob")).hidden("/trade/bob/deposit")
    assert await alice.status(f"{ALICE}/deposit", "POST", amount="10") == 403
    assert await alice.status(f"{ALICE}/deposit", "POST", **(form | {"csrf": bobs["csrf"]}), amount="10") == 403
    headers = {"Origin": "http://elsewhere.example"}
    async with alice.client.post(f"{alice.base}{ALICE}/deposit", data=form | {"amount": "10"}, headers=headers) as no:
        assert no.status == 403
    assert (await alice.open(ALICE)).text("account") != ""


async def test_a_stream_ends_when_its_session_does(people: dict[str, Person]) -> None:
    """Whoever signs out sees nothing more, also in pages that are still open."""
    alice = people["alice"]
    page = await alice.open(ALICE)
    async with alice.client.get(alice.base + page.live, headers={"Accept": "text/event-stream"}) as stream:
        assert stream.status == 200
        await alice.send(page, "/sign-out")
        async with asyncio.timeout(15):
            while not stream.content.at_eof():
                await stream.content.readany()
    assert await alice.status(page.live) in (303, 401)


async def test_what_is_no_account_or_no_action_is_said_to_be_none(anybody: Person) -> None:
    """Nothing is done, nothing breaks."""
    page = await anybody.open(ALICE)
    form = page.hidden(f"{ALICE}/deposit")
    assert await anybody.status("/trade/no-such-name") == 404
    assert await anybody.status(f"{ALICE}/explode", "POST", **form) == 404
    assert await anybody.status(f"{ALICE}/deposit") == 405
    assert await anybody.status(f"{ALICE}/deposit", "POST", **(form | {"key": "ü" * 200}), amount="1") == 400
    assert await anybody.status(f"{ALICE}/log.csv") == 400
    assert await anybody.status(f"{ALICE}?symbol=%3Cscript%3E") == 200
    assert "<script>" not in (await anybody.open(f"{ALICE}?symbol=%3Cscript%3E&x=%22")).source.split("<main")[1]
