"""What each kind of record says in the log."""

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from daytrader.audit.events import CLOSING, OPENING, escape, events
from daytrader.domain import event as ev
from daytrader.domain import refusal
from daytrader.domain.command import COMMAND_NAMES, CommandName, parse
from daytrader.domain.money import dollars
from daytrader.domain.quote import Hit, Quote
from daytrader.domain.record import Record
from tests.audit import strategies
from tests.audit.journals import START, added, barrier, command, dumplog, fired, stray
from tests.domain.desk import Desk

HEAD = {"timestamp": str(START), "server": "t1", "transactionNum": "77"}
QUOTE = Quote("DOG", 512, START - 9, 1_699_999_999_993)


def parsed(text: str) -> list[tuple[str, dict[str, str]]]:
    """The events in `text`: each one's name, and its children in the order in which they stand."""
    log = etree.fromstring((OPENING + text + CLOSING).encode())
    return [(event.tag, {child.tag: child.text or "" for child in event}) for event in log]


def said(record: Record) -> list[tuple[str, dict[str, str]]]:
    """The events of `record` without what all have in common, which is looked at here."""
    found = parsed(events(record, 77, "t1"))
    for _, children in found:
        assert list(children.items())[:3] == list(HEAD.items())
    return [(name, dict(list(children.items())[3:])) for name, children in found]


class TestCommands:
    def test_add_tells_the_command_and_the_cash(self) -> None:
        """An accepted ADD is a userCommand and an accountTransaction."""
        assert said(added("alice", 1_000_234)) == [
            ("userCommand", {"command": "ADD", "username": "alice", "funds": "10002.34"}),
            ("accountTransaction", {"action": "add", "username": "alice", "funds": "10002.34"}),
        ]

    def test_cash_that_leaves_is_removed(self) -> None:
        """A committed buy removes its cost; the command itself has no symbol and no funds."""
        record = Record(START, "alice", "w:1", parse("COMMIT_BUY", "alice"), "", ev.BuyCommitted("DOG", 2, 1_005))
        assert said(record) == [
            ("userCommand", {"command": "COMMIT_BUY", "username": "alice"}),
            ("accountTransaction", {"action": "remove", "username": "alice", "funds": "10.05"}),
        ]

    def test_order_tells_the_quote_it_was_decided_with(self) -> None:
        """A placed buy moves no cash, and a debugEvent carries the price and the quote server's time."""
        bought = parse("BUY", "alice", "DOG", "20.00")
        about = {"command": "BUY", "username": "alice", "stockSymbol": "DOG", "funds": "20.00"}
        record = Record(START, "alice", "w:1", bought, "", ev.BuyPlaced("DOG", 512, 3, 1_536), QUOTE)
        assert said(record) == [
            ("userCommand", about),
            ("debugEvent", about | {"debugMessage": "quote 5.12 1699999999993"}),
        ]

    def test_paid_hit_stands_under_the_command_that_caused_it(self) -> None:
        """A command that asked the quote server carries the quoteServer event."""
        record = Record(
            START, "alice", "w:1", parse("QUOTE", "alice", "DOG"), quote=QUOTE, hit=Hit("DOG", "alice", 512, 9, "k<y")
        )
        assert [name for name, _ in said(record)] == ["userCommand", "quoteServer", "debugEvent"]
        assert said(record)[1][1] == {
            "price": "5.12",
            "stockSymbol": "DOG",
            "username": "alice",
            "quoteServerTime": "9",
            "cryptokey": "k<y",
        }

    def test_refusal_is_an_error_event(self) -> None:
        """A refused order carries its quote and the text of the refusal, and no cash."""
        refused = Record(
            START, "alice", "w:1", parse("BUY", "alice", "DOG", "5.00"), refusal.BUY_BELOW_PRICE, None, QUOTE
        )
        found = said(refused)
        assert [name for name, _ in found] == ["userCommand", "debugEvent", "errorEvent"]
        assert found[2][1] == found[0][1] | {"errorMessage": "Quote price is higher than buy amount"}

    def test_command_without_a_quote_keeps_the_hit_it_paid_for(self) -> None:
        """A price of zero is no quote, but the answer was paid for and is logged."""
        refused = Record(
            START, "alice", "w:1", parse("QUOTE", "alice", "DOG"), refusal.NO_QUOTE, hit=Hit("DOG", "alice", 0, 9, "k")
        )
        found = said(refused)
        assert [name for name, _ in found] == ["userCommand", "quoteServer", "errorEvent"]
        assert found[1][1]["price"] == "0.00"

    def test_field_that_failed_is_left_out_and_told_in_a_debug_event(self) -> None:
        """Each failed field has a debugEvent with its text, escaped; the right ones stay."""
        faulty = Record(START, "", "w:1", parse("BUY", "a<b", "dog", "5.00"), refusal.INVALID_USER)
        about = {"command": "BUY", "funds": "5.00"}
        assert said(faulty) == [
            ("userCommand", about),
            ("debugEvent", about | {"debugMessage": "userid: a<b"}),
            ("debugEvent", about | {"debugMessage": "stockSymbol: dog"}),
            ("errorEvent", about | {"errorMessage": "Invalid userid"}),
        ]

    def test_dumplog_tells_the_filename(self) -> None:
        """A DUMPLOG of everything has a filename and no user; one of a user has both."""
        assert said(dumplog()) == [("userCommand", {"command": "DUMPLOG", "filename": "./log"})]
        assert said(dumplog("bob")) == [("userCommand", {"command": "DUMPLOG", "username": "bob", "filename": "./log"})]

    def test_command_that_changes_nothing_is_told_alone(self) -> None:
        """A DISPLAY_SUMMARY is a userCommand and nothing else."""
        assert said(command("DISPLAY_SUMMARY", "bob")) == [
            ("userCommand", {"command": "DISPLAY_SUMMARY", "username": "bob"})
        ]


class TestTriggersAndHits:
    def test_buy_trigger_that_fires(self) -> None:
        """A fired buy trigger: a systemEvent with what was paid, its quote, and the cash that came back."""
        about = {"command": "SET_BUY_TRIGGER", "username": "bob", "stockSymbol": "DOG", "funds": "5.00"}
        assert said(fired("bob")) == [
            ("systemEvent", about),
            ("debugEvent", about | {"debugMessage": f"quote 5.00 {START - 7}"}),
            ("accountTransaction", {"action": "add", "username": "bob", "funds": "2.00"}),
        ]

    def test_sell_trigger_that_fires(self) -> None:
        """A fired sell trigger: a systemEvent with what was received, its quote, and the same cash."""
        record = Record(START, "bob", event=ev.SellTriggerFired("DOG", 512, 10, 5_120), quote=QUOTE)
        found = said(record)
        assert [name for name, _ in found] == ["systemEvent", "debugEvent", "accountTransaction"]
        assert found[0][1] == {
            "command": "SET_SELL_TRIGGER",
            "username": "bob",
            "stockSymbol": "DOG",
            "funds": "51.20",
        }
        assert found[2][1] == {"action": "add", "username": "bob", "funds": "51.20"}

    def test_reserve_that_was_spent_to_the_cent_moves_no_cash(self) -> None:
        """A buy trigger that returns nothing has no accountTransaction."""
        record = Record(START, "bob", event=ev.BuyTriggerFired("DOG", 500, 2, 1_000, 0), quote=QUOTE)
        assert [name for name, _ in said(record)] == ["systemEvent", "debugEvent"]

    def test_stray_hit_stands_alone(self) -> None:
        """A hit that no command waited for is a quoteServer event with a number of its own."""
        assert [name for name, _ in said(stray("bob"))] == ["quoteServer"]

    def test_bare_barrier_says_nothing(self) -> None:
        """A bare barrier gives no event."""
        assert events(barrier(), 77, "t1") == ""


class TestText:
    @given(st.text())
    def test_text_of_xml_characters_comes_back(self, text: str) -> None:
        """What XML has characters for is read back as it was, line ends included; the rest becomes U+FFFD."""
        read = etree.fromstring(f"<a>{escape(text)}</a>".encode()).text or ""
        unknown = {chr(code) for code in range(32)} - set("\t\n\r") | {"\ufffe", "\uffff"}
        assert read == "".join("\ufffd" if char in unknown else char for char in text)

    def test_lone_surrogate_is_replaced(self) -> None:
        """Half a character, which no encoding knows, becomes U+FFFD."""
        assert escape("a\ud800b\udfffc") == "a\ufffdb\ufffdc"

    def test_name_of_a_replica_is_escaped(self) -> None:
        """A replica may be called anything."""
        assert "<server>a&amp;b&lt;c</server>" in events(added("bob", 1), 1, "a&b<c")


class TestAnyRecord:
    @given(strategies.records, st.text(min_size=1))
    def test_any_record_gives_valid_events(self, schema: etree.XMLSchema, record: Record, server: str) -> None:
        """Whatever a journal can hold gives events that the XSD allows, all of one time and number."""
        log = etree.fromstring((OPENING + events(record, 5, server) + CLOSING).encode())
        schema.assertValid(log)
        assert {child.text for child in log.iter("timestamp")} <= {str(record.time)}
        assert {child.text for child in log.iter("transactionNum")} <= {"5"}

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(sorted(COMMAND_NAMES.values())),
                st.sampled_from(["ann", "ben"]),
                st.integers(1, 100_000).map(dollars),
                st.integers(1, 900),
            ),
            max_size=60,
        )
    )
    def test_balances_can_be_had_from_the_log(self, steps: list[tuple[CommandName, str, str, int]]) -> None:
        """The sum of a user's accountTransactions is the user's free cash, whatever was commanded."""
        desk = Desk()
        for name, user, amount, price in steps:
            desk.price = price
            desk.run(name, user, "DOG", amount)
            desk.evaluate_triggers()
        cash = dict.fromkeys(["ann", "ben"], 0)
        for number, record in enumerate(desk.records):
            for kind, children in parsed(events(record, number, "t1")):
                if kind == "accountTransaction":
                    moved = int(children["funds"].replace(".", ""))
                    cash[children["username"]] += moved if children["action"] == "add" else -moved
        assert cash == {user: desk.accounts[user].cents if user in desk.accounts else 0 for user in cash}
