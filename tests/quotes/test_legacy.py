"""The client of the legacy quote server, against the mock and against servers that misbehave."""

import asyncio
import socket

import pytest

from daytrader.domain.quote import Hit, Quote
from daytrader.quotes.mock import MockQuoteServer
from daytrader.quotes.port import QuoteUnavailable
from tests.quotes.asking import ClientOf, ask, nothing
from tests.quotes.conftest import Sample
from tests.quotes.scripted import ScriptedQuoteServer, TurnedClock, turns

LINE = b"5.00,ABC,alice,1234,%056d\n" % 7


async def test_a_quote_is_bought(client_of: ClientOf, clock: TurnedClock, strays: list[Hit], gained: Sample) -> None:
    """The mock's answer arrives as a quote of that moment and as one paid hit."""
    async with MockQuoteServer(price=27601, clock=lambda: 99) as mock:
        client = client_of(mock.address)
        quote, hit = await client.ask("ABC", "alice", nothing)
        await client.close()
    assert quote == Quote("ABC", 27601, clock.now, 99)
    assert (hit.symbol, hit.user, hit.price, hit.server_time, len(hit.cryptokey)) == ("ABC", "alice", 27601, 99, 56)
    assert strays == []
    assert gained("daytrader_quote_server_hits_total") == mock.answered == 1
    assert gained("daytrader_quote_cost_dollars_total") == pytest.approx(0.05)
    assert gained("daytrader_quote_server_seconds_count") == 1


async def test_the_age_counts_from_sending(
    client_of: ClientOf, clock: TurnedClock, scripted: ScriptedQuoteServer
) -> None:
    """A quote that took 4 s to come is 4 s old when it comes."""
    client = client_of(scripted.address)
    sent = asyncio.Event()
    asking = asyncio.create_task(client.ask("ABC", "alice", sent.set))
    async with asyncio.timeout(10):
        await sent.wait()
    asked_at = clock.now
    question = await scripted.question(0)
    clock.now += 4_000
    question.answer()
    assert (await asking).quote.asked_at == asked_at


async def test_the_question_is_one_line(client_of: ClientOf, scripted: ScriptedQuoteServer) -> None:
    """What goes over the wire is `SYMBOL,userid` and a newline."""
    asking = ask(client_of(scripted.address), "S", "oY01WVirLr")
    question = await scripted.question(0)
    assert question.line == b"S,oY01WVirLr\n"
    question.answer()
    await asking


@pytest.mark.parametrize(("price", "cents"), [("5.0099", 500), ("5.999", 599)])
async def test_a_price_with_more_decimals_is_cut(
    client_of: ClientOf, scripted: ScriptedQuoteServer, price: str, cents: int
) -> None:
    """Decimals after the second are cut in the quote and in the hit."""
    asking = ask(client_of(scripted.address))
    (await scripted.question(0)).answer(price)
    quote, hit = await asking
    assert quote.price == hit.price == cents


@pytest.mark.parametrize("end", [b" \n", b"\r\n", b"   \r\n"])
async def test_blanks_and_cr_are_stripped(client_of: ClientOf, scripted: ScriptedQuoteServer, end: bytes) -> None:
    """Blanks and CR after the cryptokey do not reach the log."""
    asking = ask(client_of(scripted.address))
    (await scripted.question(0)).send(LINE.rstrip(b"\n") + end)
    assert (await asking).hit.cryptokey == f"{7:056d}"


async def test_a_line_in_pieces_is_put_together(client_of: ClientOf, scripted: ScriptedQuoteServer) -> None:
    """An answer may come in as many packets as it likes."""
    asking = ask(client_of(scripted.address))
    question = await scripted.question(0)
    for byte in LINE:
        question.write(bytes([byte]))
        await turns(2)
    assert (await asking).quote.price == 500


@pytest.mark.parametrize(
    ("line", "complaint", "reason"),
    [
        (b"5.00,XYZ,alice,1234,abcd\n", "answered for 'XYZ'", "garbled"),
        (b"5.00,ABC,mallory,1234,abcd\n", "answered for 'ABC', 'mallory'", "garbled"),
        (b"-5.00,ABC,alice,1234,abcd\n", "price '-5.00'", "garbled"),
        (b"NaN,ABC,alice,1234,abcd\n", "price 'NaN'", "garbled"),
        (b"1e9,ABC,alice,1234,abcd\n", "price '1e9'", "garbled"),
        (b"\xff\xfe\x00\x80,ABC\n", "not ASCII", "garbled"),
        (b"\n", "1 fields", "garbled"),
        (b"x" * 100_000, "does not end within 4096 bytes", "garbled"),
        (b"", "closed the connection after 0 bytes", "closed"),
        (LINE.rstrip(b"\n"), "closed the connection after", "closed"),
    ],
)
async def test_what_does_not_parse_is_no_quote(
    client_of: ClientOf,
    scripted: ScriptedQuoteServer,
    strays: list[Hit],
    gained: Sample,
    *,
    line: bytes,
    complaint: str,
    reason: str,
) -> None:
    """A wrong echo, garbage, an endless line or no line at all gives no quote, says why, and is no hit."""
    client = client_of(scripted.address)
    asking = ask(client)
    (await scripted.question(0)).send(line)
    with pytest.raises(QuoteUnavailable, match=complaint):
        await asking
    assert complaint in client.error
    assert strays == []
    assert gained("daytrader_quote_server_hits_total") == 0
    assert gained("daytrader_quote_server_failures_total", reason=reason) == 1


@pytest.mark.parametrize("price", ["0.00", "0.009", "000.00"])
async def test_a_price_of_zero_is_paid_but_no_quote(
    client_of: ClientOf, scripted: ScriptedQuoteServer, strays: list[Hit], gained: Sample, price: str
) -> None:
    """A price of zero is refused, and its hit is reported with price 0."""
    asking = ask(client_of(scripted.address))
    key = (await scripted.question(0)).answer(price)
    with pytest.raises(QuoteUnavailable, match="price of zero"):
        await asking
    assert strays == [Hit("ABC", "alice", 0, 1234, key)]
    assert gained("daytrader_quote_server_hits_total") == 1
    assert gained("daytrader_quote_server_failures_total", reason="zero") == 1


async def test_a_good_answer_ends_the_complaint(client_of: ClientOf) -> None:
    """`error` tells of the last request only."""
    async with MockQuoteServer() as mock:
        client = client_of(mock.address)
        mock.fail = "garbage"
        with pytest.raises(QuoteUnavailable):
            await client.ask("ABC", "alice", nothing)
        assert client.error
        mock.fail = None
        await client.ask("ABC", "alice", nothing)
        assert client.error == ""


async def test_a_closed_port_is_said_at_once(client_of: ClientOf, gained: Sample) -> None:
    """Where nobody listens the complaint names the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address: tuple[str, int] = free.getsockname()
    with pytest.raises(QuoteUnavailable, match=rf"at 127\.0\.0\.1:{address[1]} cannot be reached"):
        await client_of(address).ask("ABC", "alice", nothing)
    assert gained("daytrader_quote_server_failures_total", reason="unreachable") == 1


async def test_silence_ends_with_the_time_limit(
    client_of: ClientOf, scripted: ScriptedQuoteServer, gained: Sample
) -> None:
    """A server that says nothing is given up after the time limit."""
    client = client_of(scripted.address, time_limit_ms=20)
    with pytest.raises(QuoteUnavailable, match=r"no answer in 0\.02 s"):
        await client.ask("ABC", "alice", nothing)
    await client.close()
    assert gained("daytrader_quote_server_failures_total", reason="silent") == 1


async def test_a_line_that_never_ends_ends_with_the_time_limit(client_of: ClientOf) -> None:
    """Half an answer and then nothing is no answer."""
    held: list[asyncio.StreamWriter] = []

    async def begin(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(LINE[:20])
        held.append(writer)

    async with await asyncio.start_server(begin, "127.0.0.1", 0) as server:
        client = client_of(server.sockets[0].getsockname(), time_limit_ms=100)
        with pytest.raises(QuoteUnavailable, match="no answer"):
            await client.ask("ABC", "alice", nothing)
        await client.close()
        for writer in held:
            writer.close()


async def test_an_answer_after_the_time_limit_is_a_stray_hit(
    client_of: ClientOf, scripted: ScriptedQuoteServer, strays: list[Hit]
) -> None:
    """An answer that comes too late is still paid for, so it is still reported."""
    client = client_of(scripted.address, time_limit_ms=2_000)
    asking = ask(client)
    question = await scripted.question(0)
    with pytest.raises(QuoteUnavailable):
        await asking
    key = question.answer()
    await client.close()
    assert [hit.cryptokey for hit in strays] == [key]
    assert client.error


async def test_a_cancelled_askers_answer_is_a_stray_hit(
    client_of: ClientOf, scripted: ScriptedQuoteServer, strays: list[Hit], gained: Sample
) -> None:
    """Going away does not take the request back: its answer is reported."""
    client = client_of(scripted.address)
    asking = ask(client)
    question = await scripted.question(0)
    asking.cancel()
    await asyncio.wait([asking])
    key = question.answer()
    await client.close()
    assert [hit.cryptokey for hit in strays] == [key]
    assert gained("daytrader_quote_stray_hits_total") == 1


async def test_nothing_is_asked_for_one_who_has_gone(client_of: ClientOf, scripted: ScriptedQuoteServer) -> None:
    """Who goes away while the connection is being made saves the money."""
    client = client_of(scripted.address)
    asking = ask(client)
    await turns(2)
    asking.cancel()
    await client.close()
    await turns(20)
    assert scripted.questions == []


async def test_no_moment_of_cancelling_loses_the_hit(
    client_of: ClientOf, scripted: ScriptedQuoteServer, strays: list[Hit]
) -> None:
    """Whichever turn of the event loop the asker is cancelled in, the hit comes out once."""
    returned: list[Hit] = []
    client = client_of(scripted.address)
    for turn in range(12):
        asking = ask(client)
        (await scripted.question(turn)).answer()
        await turns(turn)
        asking.cancel()
        await asyncio.wait([asking])
        if not asking.cancelled():
            returned.append(asking.result().hit)
    await client.close()
    assert returned
    assert strays
    assert sorted(hit.cryptokey for hit in returned + strays) == scripted.paid


async def test_connections_are_bounded(client_of: ClientOf, scripted: ScriptedQuoteServer) -> None:
    """The third request waits until one of two connections is free."""
    client = client_of(scripted.address, max_connections=2)
    asking = [ask(client, symbol) for symbol in ("A", "B", "C")]
    first = await scripted.question(0)
    await scripted.question(1)
    await turns(20)
    assert len(scripted.questions) == 2
    first.answer()
    await scripted.question(2)
    for question in scripted.waiting():
        question.answer()
    assert {answer.quote.symbol for answer in await asyncio.gather(*asking)} == {"A", "B", "C"}


async def test_waiting_for_a_connection_ends_too(
    client_of: ClientOf, scripted: ScriptedQuoteServer, gained: Sample
) -> None:
    """A request that gets no connection within the time limit is never sent."""
    client = client_of(scripted.address, max_connections=1, time_limit_ms=300)
    waiting = ask(client, "A"), ask(client, "B")
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    await client.close()
    assert all(isinstance(outcome, QuoteUnavailable) for outcome in outcomes)
    assert "busy for 0.3 s" in str(outcomes[1])
    assert "B" not in [question.symbol for question in scripted.questions]
    assert gained("daytrader_quote_server_failures_total", reason="busy") == 1


async def test_a_failed_request_frees_its_connection(client_of: ClientOf) -> None:
    """Any number of failures leaves every connection usable."""
    async with MockQuoteServer() as mock:
        client = client_of(mock.address, max_connections=1)
        for mock.fail in ("close", "garbage", "zero"):
            with pytest.raises(QuoteUnavailable):
                await client.ask("ABC", "alice", nothing)
        mock.fail = None
        await client.ask("ABC", "alice", nothing)


async def test_closing_gives_up_what_stays_silent(client_of: ClientOf, scripted: ScriptedQuoteServer) -> None:
    """Closing waits for answers, but no longer than the time limit, and tells who still waits."""
    client = client_of(scripted.address, time_limit_ms=100)
    asking = ask(client)
    await turns(2)
    await client.close()
    with pytest.raises(QuoteUnavailable):
        await asking


async def test_a_malformed_question_is_refused(client_of: ClientOf, scripted: ScriptedQuoteServer) -> None:
    """A userid that would end the line is never sent."""
    with pytest.raises(ValueError, match="userid"):
        await client_of(scripted.address).ask("ABC", "alice\nXYZ", nothing)
    assert scripted.questions == []
