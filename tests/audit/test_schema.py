"""What the XSD allows and what it does not: it is made of the table of events, not of what we happen to write."""

import pytest
from lxml import etree

HEAD = "<timestamp>1</timestamp><server>s</server><transactionNum>1</transactionNum>"
COMMAND = f"{HEAD}<command>BUY</command>"


def valid(schema: etree.XMLSchema, events: str) -> bool:
    """Whether a log of these events is valid."""
    return bool(schema.validate(etree.fromstring(f"<log>{events}</log>")))


class TestAllowed:
    @pytest.mark.parametrize(
        "events",
        [
            "",
            f"<userCommand>{COMMAND}</userCommand>",
            f"<systemEvent>{COMMAND}<username>a</username><stockSymbol>A</stockSymbol><filename>f</filename>"
            "<funds>0.10</funds></systemEvent>",
            f"<errorEvent>{COMMAND}<errorMessage>e</errorMessage></errorEvent><debugEvent>{COMMAND}</debugEvent>",
            f"<quoteServer>{HEAD}<price>1.00</price><stockSymbol>ABC</stockSymbol><username>a</username>"
            "<quoteServerTime>5</quoteServerTime><cryptokey>k</cryptokey></quoteServer>",
            f"<accountTransaction><funds>1.00</funds>{HEAD}<username>a</username><action>add</action>"
            "</accountTransaction>",
        ],
    )
    def test_event_is_valid(self, schema: etree.XMLSchema, events: str) -> None:
        """Optional children may be left out, and children stand in any order."""
        assert valid(schema, events)


class TestRefused:
    @pytest.mark.parametrize(
        "events",
        [
            f"<userCommand>{HEAD}</userCommand>",
            f"<userCommand>{COMMAND}<command>BUY</command></userCommand>",
            f"<userCommand>{COMMAND.replace('BUY', 'BYE')}</userCommand>",
            f"<userCommand>{COMMAND.replace('>1</transactionNum>', '>0</transactionNum>')}</userCommand>",
            f"<userCommand>{COMMAND}<funds>1.0</funds></userCommand>",
            f"<userCommand>{COMMAND}<funds>-1.00</funds></userCommand>",
            f"<userCommand>{COMMAND}<stockSymbol>ABCD</stockSymbol></userCommand>",
            f"<userCommand>{COMMAND}<errorMessage>e</errorMessage></userCommand>",
            f"<userCommand at='1'>{COMMAND}</userCommand>",
            f"<userCommand xmlns='urn:x'>{COMMAND}</userCommand>",
            f"<quoteServer>{HEAD}<price>1.00</price></quoteServer>",
            f"<accountTransaction>{HEAD}<action>take</action><username>a</username><funds>1.00</funds>"
            "</accountTransaction>",
            f"<other>{COMMAND}</other>",
        ],
    )
    def test_event_is_not_valid(self, schema: etree.XMLSchema, events: str) -> None:
        """What the table does not allow, the XSD refuses."""
        assert not valid(schema, events)
