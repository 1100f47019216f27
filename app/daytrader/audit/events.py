"""The events of the log: what one record of the journal says in XML."""

import re
from functools import lru_cache
from typing import Final

from daytrader.domain.command import Command
from daytrader.domain.event import BuyTriggerFired, SellTriggerFired, cash_change
from daytrader.domain.money import dollars
from daytrader.domain.quote import Hit, Quote
from daytrader.domain.record import Record

OPENING: Final = '<?xml version="1.0" encoding="UTF-8"?>\n<log>\n'
CLOSING: Final = "</log>\n"

_UNKNOWN_TO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_find_special: Final = re.compile("[^\t\n\x20-%'-;=?-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]").search


def escape(text: str) -> str:
    """Return `text` as the content of an element.

    What XML 1.0 has no character for becomes U+FFFD. A carriage return is written as a reference, because readers
    turn a bare one into a line feed.
    """
    if not _find_special(text):
        return text
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    return _UNKNOWN_TO_XML.sub("\ufffd", text)


@lru_cache(maxsize=256)
def _escaped(text: str) -> str:
    """As `escape`, for texts of which there are few: replicas, refusals."""
    return escape(text)


def events(record: Record, number: int, server: str) -> str:
    """Return the XML events of `record`, one a line; "" for a bare barrier, which only uses up its number.

    `number` is the log's transactionNum, `server` the replica that decided the record. All events of a record carry
    its time (ms since the epoch) and its number.
    """
    head = (
        f"<timestamp>{record.time}</timestamp><server>{_escaped(server)}</server>"
        f"<transactionNum>{number}</transactionNum>"
    )
    command = record.command
    if command is not None:
        return _command(record, command, head)
    event = record.event
    if type(event) is BuyTriggerFired:
        return _fired(record, "SET_BUY_TRIGGER", event.symbol, event.cost, head)
    if type(event) is SellTriggerFired:
        return _fired(record, "SET_SELL_TRIGGER", event.symbol, event.proceeds, head)
    return _hit(record.hit, head) if record.hit is not None else ""


def _command(record: Record, command: Command, head: str) -> str:
    about = f"{head}<command>{command.name}</command>"
    if command.user:
        about += f"<username>{command.user}</username>"
    if command.symbol:
        about += f"<stockSymbol>{command.symbol}</stockSymbol>"
    if command.filename:
        about += f"<filename>{escape(command.filename)}</filename>"
    if command.cents:
        about += f"<funds>{dollars(command.cents)}</funds>"
    text = f"<userCommand>{about}</userCommand>\n"
    if record.hit is not None:
        text += _hit(record.hit, head)
    if record.quote is not None:
        text += _debug(about, _quoted(record.quote))
    for fault in command.faults:
        text += _debug(about, f"{fault.field}: {escape(fault.text)}")
    if record.refusal:
        return f"{text}<errorEvent>{about}<errorMessage>{_escaped(record.refusal)}</errorMessage></errorEvent>\n"
    return text + _account(record, head) if record.event is not None else text


def _fired(record: Record, command: str, symbol: str, cents: int, head: str) -> str:
    about = (
        f"{head}<command>{command}</command><username>{record.account}</username>"
        f"<stockSymbol>{symbol}</stockSymbol><funds>{dollars(cents)}</funds>"
    )
    text = f"<systemEvent>{about}</systemEvent>\n"
    if record.hit is not None:
        text += _hit(record.hit, head)
    if record.quote is not None:
        text += _debug(about, _quoted(record.quote))
    return text + _account(record, head)


def _quoted(quote: Quote) -> str:
    return f"quote {dollars(quote.price)} {quote.server_time}"


def _debug(about: str, message: str) -> str:
    return f"<debugEvent>{about}<debugMessage>{message}</debugMessage></debugEvent>\n"


def _hit(hit: Hit, head: str) -> str:
    return (
        f"<quoteServer>{head}<price>{dollars(hit.price)}</price><stockSymbol>{hit.symbol}</stockSymbol>"
        f"<username>{hit.user}</username><quoteServerTime>{hit.server_time}</quoteServerTime>"
        f"<cryptokey>{escape(hit.cryptokey)}</cryptokey></quoteServer>\n"
    )


def _account(record: Record, head: str) -> str:
    cents = cash_change(record.event)
    if not cents:
        return ""
    action = "add" if cents > 0 else "remove"
    return (
        f"<accountTransaction>{head}<action>{action}</action><username>{record.account}</username>"
        f"<funds>{dollars(abs(cents))}</funds></accountTransaction>\n"
    )
