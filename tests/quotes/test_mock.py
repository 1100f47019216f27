"""The mock quote server over its sockets."""

import asyncio
import re
import time

import pytest

from daytrader.quotes import mock as module
from daytrader.quotes.mock import MockQuoteServer, wall_clock
from daytrader.quotes.mock_behaviour import Draws
from tests.quotes.scripted import turns


async def ask(mock: MockQuoteServer, question: bytes = b"ABC,alice\n") -> bytes:
    """All that the server says to a question before it closes."""
    reader, writer = await asyncio.open_connection(*mock.address)
    try:
        async with asyncio.timeout(10):
            for start in range(0, len(question), 1_000):
                writer.write(question[start : start + 1_000])
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_it_answers_one_line_and_closes() -> None:
    """Price, symbol and userid as asked, its time, a cryptokey."""
    async with MockQuoteServer(clock=lambda: 1167631203000) as mock:
        line = await ask(mock)
    assert re.fullmatch(rb"5\.00,ABC,alice,1167631203000,[A-Za-z0-9+/=]{56}[ \r]*\n", line)


async def test_the_price_can_be_set_while_it_runs() -> None:
    """A fixed price is what was last set."""
    async with MockQuoteServer(price=1) as mock:
        assert (await ask(mock)).startswith(b"0.01,")
        mock.price = 123456
        assert (await ask(mock)).startswith(b"1234.56,")


async def test_its_mood_can_be_set_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow, every answer comes so much later; failing, none comes and none is paid; well again, all is as before."""
    monkeypatch.setattr(module, "SLOW_S", 0.2)
    async with MockQuoteServer() as mock:
        mock.mood = "slow"
        began = time.monotonic()
        assert (await ask(mock)).startswith(b"5.00,")
        assert time.monotonic() - began >= 0.2
        mock.mood = "failing"
        assert await ask(mock) == b""
        mock.mood = "well"
        assert (await ask(mock)).startswith(b"5.00,")
        assert mock.answered == 2


async def test_a_walk_is_the_same_for_the_same_seed() -> None:
    """The nth price of a symbol does not depend on what else was asked meanwhile."""

    async def prices(walk_seed: int, questions: list[bytes]) -> list[bytes]:
        async with MockQuoteServer(price=None, walk_seed=walk_seed) as mock:
            answers = [await ask(mock, question) for question in questions]
        return [line.split(b",")[0] for line in answers if b",ABC," in line]

    plain = await prices(1, [b"ABC,alice\n"] * 5)
    assert await prices(1, [b"ABC,bob\n", b"XYZ,bob\n"] * 5) == plain
    assert await prices(2, [b"ABC,alice\n"] * 5) != plain
    assert len(set(plain)) > 1


async def test_every_failure_can_be_ordered() -> None:
    """While `fail` is set every answer fails that way; only answers with a price count as paid."""
    async with MockQuoteServer() as mock:
        mock.fail = "close"
        assert await ask(mock) == b""
        mock.fail = "garbage"
        assert (await ask(mock)).startswith(b"ERROR,")
        assert mock.answered == 0
        mock.fail = "zero"
        assert (await ask(mock)).startswith(b"0.00,ABC,alice,")
        mock.fail = None
        assert (await ask(mock)).startswith(b"5.00,")
        assert mock.answered == 2


async def test_failures_come_by_themselves_at_the_rate() -> None:
    """With a rate of 1 nothing but failures comes, the ones that the seed says."""
    async with MockQuoteServer(failure_rate=1, seed=3) as mock:
        answers = [await ask(mock) for _ in range(20)]
    starts = {"close": b"", "garbage": b"ERROR", "zero": b"0.00"}
    for number, line in enumerate(answers):
        failure = Draws(3, "ABC", number).failure(1)
        assert failure is not None
        assert line.startswith(starts[failure])
        assert bool(line) == (failure != "close")


async def test_the_real_latency_is_waited() -> None:
    """With latency "real" an answer takes what was drawn for it."""
    seed = next(seed for seed in range(1_000) if 0.02 < Draws(seed, "ABC", 0).delay_s() < 0.03)
    async with MockQuoteServer(latency="real", seed=seed) as mock:
        began = time.monotonic()
        await ask(mock)
        assert time.monotonic() - began >= 0.02


@pytest.mark.parametrize(
    "question",
    [
        b"\n",
        b"ABC\n",
        b"ab,a\n",
        b"ABCD,a\n",
        b"ABC,\n",
        b"ABC,a b\n",
        b"A,b,c\n",
        b"\xff,a\n",
        b"A1,a\n",
        b"x" * 9_999,
    ],
)
async def test_a_malformed_question_gets_no_answer(question: bytes) -> None:
    """It closes, and serves the next one."""
    async with MockQuoteServer() as mock:
        assert await ask(mock, question) == b""
        assert (await ask(mock)).startswith(b"5.00,")


async def test_a_question_in_pieces_with_cr_is_understood() -> None:
    """A question may come byte by byte and end in CR LF."""
    async with MockQuoteServer() as mock:
        reader, writer = await asyncio.open_connection(*mock.address)
        for byte in b"ABC,alice\r\n":
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert (await reader.read()).startswith(b"5.00,ABC,alice,")
        writer.close()


async def test_one_connection_gets_one_answer() -> None:
    """Whatever follows the first question, at once or while the answer is on its way, is not heard."""
    seed = next(seed for seed in range(1_000) if 0.02 < Draws(seed, "ABC", 0).delay_s() < 0.03)
    async with MockQuoteServer(latency="real", seed=seed) as mock:
        reader, writer = await asyncio.open_connection(*mock.address)
        writer.write(b"ABC,alice\nABC,bob\n")
        await turns(5)
        writer.write(b"ABC,carol\n")
        line = await reader.readline()
        writer.close()
        assert line.startswith(b"5.00,ABC,alice,")
        assert mock.answered == 1


async def test_many_connections_are_served_at_once() -> None:
    """Three hundred questions at the same time get three hundred answers."""
    async with MockQuoteServer() as mock:
        answers = await asyncio.gather(*(ask(mock) for _ in range(300)))
        assert all(line.startswith(b"5.00,") for line in answers)
        assert mock.answered == 300


async def test_closing_drops_who_still_waits() -> None:
    """Neither an idle connection nor an answer that is 4 s away holds it up."""
    seed = next(seed for seed in range(1_000) if Draws(seed, "ABC", 0).delay_s() == 4)
    mock = MockQuoteServer(latency="real", seed=seed)
    await mock.start()
    reader, idle = await asyncio.open_connection(*mock.address)
    asking = asyncio.create_task(ask(mock))
    async with asyncio.timeout(10):
        while len(mock.connections) < 2:
            await turns(1)
    began = time.monotonic()
    await mock.close()
    assert await reader.read() == b""
    assert await asking == b""
    assert time.monotonic() - began < 3.5
    idle.close()
    with pytest.raises(OSError, match="Connect"):
        await ask(mock)


def test_the_clock_is_in_milliseconds() -> None:
    """The wall clock counts ms since the epoch."""
    assert abs(wall_clock() - time.time() * 1000) < 1_000
