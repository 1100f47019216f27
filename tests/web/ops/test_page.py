"""The operations page over HTTP: whole, live, and its buttons."""

import asyncio
import html
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

from daytrader.auth.guard import Guard
from daytrader.auth.sqlite import SqliteAuthStore
from daytrader.health import Part
from daytrader.membership import Alone
from daytrader.web import sse
from daytrader.web.app import WebApp
from daytrader.web.ops import page as module
from daytrader.web.ops.board import FRAGMENTS
from daytrader.web.ops.breaking import QUOTES, Breakage, BreakageError, Deed, Deeds
from daytrader.web.ops.operations import Operations
from daytrader.web.ops.reading import Snapshot
from daytrader.web.ops.recorder import Recorder
from daytrader.web.page.visitor import Visitors
from tests.web.client import Answer, exchange, get
from tests.web.ops.build import START, sample, snapshot, source
from tests.web.replica import HttpServer
from tests.web.stand_in import Behind, silent_hub

FORM = "Content-Type: application/x-www-form-urlencoded"


class Services:
    """Services with a hundred records in the journal, which have answered ten commands more at each look."""

    def __init__(self) -> None:
        self.looks = 0
        self.records = 100.0

    async def scrape(self) -> Snapshot:
        """Say so."""
        self.looks += 1
        head, audited = "daytrader_journal_head_records", "daytrader_audit_head_records"
        return snapshot(
            5 * self.looks,
            source(sample("daytrader_commands_total", 10 * self.looks, command="ADD", outcome="accepted")),
            source(sample(head, self.records, partition="0"), role="transaction"),
            source(sample(audited, self.records, partition="0"), role="audit"),
        )

    async def close(self) -> None:
        """Hold nothing."""


class Quotes:
    """Quotes that can be broken; `away`, nobody can be asked."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.away = ""
        self._deeds = Deeds(lambda: START)

    async def offers(self) -> Sequence[Breakage]:
        """Offer them."""
        if self.away:
            raise BreakageError(self.away)
        return QUOTES

    async def do(self, name: str, records: Mapping[str, int]) -> str:
        """Note it."""
        self.did.append(name)
        return self._deeds.note(f"{name} <now>", records)

    async def deeds(self) -> Sequence[Deed]:
        """Tell what was done."""
        return self._deeds.all()


class Stage:
    """A web service with an operations page."""

    def __init__(self, guard: Guard | None = None, *, broken: bool = True) -> None:
        self.behind = Behind()
        self.behind.said = [Part("web", True, "takes commands")]
        self.services = Services()
        self.quotes = Quotes()
        self.operations = Operations(Recorder(self.services, self.behind), self.quotes if broken else None)
        self.app = WebApp(
            self.behind,
            self.behind,
            Alone("here"),
            self.behind,
            silent_hub(),
            version="a build",
            partitions=16,
            clock=lambda: START,
            guard=guard,
            visitors=Visitors(lambda: b"k" * 32, guard),
            operations=self.operations,
        )
        self.port = 0

    async def get(self, path: str, *headers: str) -> Answer:
        """Ask for a page."""
        return await exchange(self.port, get(path, *headers))

    async def post(self, path: str, *headers: str, **fields: str) -> Answer:
        """Send a form."""
        body = urlencode(fields).encode()
        return await exchange(self.port, get(path, FORM, *headers, method="POST", body=body))


@asynccontextmanager
async def _served(stage: Stage) -> AsyncIterator[Stage]:
    async with HttpServer(stage.app) as server:
        stage.port = server.port
        yield stage


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """In open mode, with a minute of figures."""
    async with _served(Stage()) as made:
        for _ in range(3):
            await made.operations.recorder.record()
        yield made


def _words(answer: Answer) -> str:
    """The page as it is read: without tags, and with one space where there are several."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.body.decode())).split())


async def test_the_page_is_whole_without_a_script(stage: Stage) -> None:
    """Figures, parts, heads and buttons stand in it, and a link that loads it again."""
    page = await stage.get("/operations")
    words = _words(page)
    assert page.status == 200
    assert "All 1 parts are well." in words
    assert "Commands a second 2" in words
    assert "web takes commands" in words
    assert "100 records in the journal, 100 of them in the log" in words
    assert "Slow quotes" in words
    assert '<a class="button quiet" href="/operations">Reload</a>' in page.body.decode()


async def test_before_the_first_figures_there_is_a_page_that_says_so() -> None:
    """A replica that has just started has nothing to tell yet."""
    async with _served(Stage()) as stage:
        words = _words(await stage.get("/operations"))
    assert "The first figures come some five seconds after the start." in words
    assert "No partition is open yet." in words


async def test_what_is_not_well_is_a_red_line_in_words(stage: Stage) -> None:
    """The part, what it says, and under which alert to look it up; what is in it is escaped."""
    stage.behind.said = [Part("redis", False, "is <silent>")]
    page = await stage.get("/operations")
    assert "redis is <silent>. DaytraderQuoteCacheDown" in _words(page)
    assert b"<silent>" not in page.body


async def test_nothing_to_break_is_said() -> None:
    """Where nothing can be broken there are no buttons, and no way to do it."""
    async with _served(Stage(broken=False)) as stage:
        assert "Nothing can be broken from here" in _words(await stage.get("/operations"))
        assert (await stage.get("/operations/break?what=quotes+slow")).status == 409


async def test_who_cannot_be_asked_what_can_be_broken_is_no_end(stage: Stage) -> None:
    """The page says why, and the rest of it stands."""
    stage.quotes.away = "no `daytrader up` runs there"
    words = _words(await stage.get("/operations"))
    assert "What can be broken is not known at present: no `daytrader up` runs there." in words
    assert "Commands a second 2" in words


async def _confirmed(stage: Stage, what: str) -> tuple[str, str]:
    """The cookie and the hidden field of the page that asks whether to do `what`."""
    asked = await stage.get(f"/operations/break?{urlencode({'what': what})}")
    assert asked.status == 200
    found = re.search(r'name="csrf" value="([^"]+)"', asked.body.decode())
    assert found is not None
    return "Cookie: " + asked.headers["set-cookie"].partition(";")[0], found[1]


async def test_breaking_is_confirmed_in_words_and_then_done(stage: Stage) -> None:
    """First it says what will happen; then it is done, and the page tells what was done and that nothing is lost."""
    asked = await stage.get("/operations/break?what=quotes+slow")
    assert "Every answer of the mock quote server takes 3 s longer" in _words(asked)
    assert stage.quotes.did == []
    cookie, csrf = await _confirmed(stage, "quotes slow")
    done = await stage.post("/operations/break", cookie, csrf=csrf, what="quotes slow")
    assert (done.status, done.headers["location"], stage.quotes.did) == (303, "/operations", ["quotes slow"])
    stage.services.records = 130
    await stage.operations.recorder.record()
    words = _words(await stage.get("/operations"))
    assert "quotes slow <now>" in words
    assert "nothing is lost: all 100 records from before are in the journal and in the log, with no gap" in words
    assert "Records before 100 , now 130 ;" in words


async def test_a_form_of_another_site_breaks_nothing(stage: Stage) -> None:
    """Without the hidden field, or from another origin, nothing is done."""
    cookie, csrf = await _confirmed(stage, "quotes slow")
    without = await stage.post("/operations/break", cookie, what="quotes slow")
    foreign = await stage.post(
        "/operations/break", cookie, "Origin: https://evil.example", csrf=csrf, what="quotes slow"
    )
    assert (without.status, foreign.status, stage.quotes.did) == (403, 403, [])


async def test_what_is_not_offered_is_not_done(stage: Stage) -> None:
    """A name that is none, or was offered a while ago, does nothing, and that is said."""
    assert (await stage.get("/operations/break?what=kill+all")).status == 409
    cookie, csrf = await _confirmed(stage, "quotes slow")
    done = await stage.post("/operations/break", cookie, csrf=csrf, what="kill all")
    assert (done.status, stage.quotes.did) == (303, [])


async def test_nobody_who_is_not_signed_in_sees_it(tmp_path: Path) -> None:
    """In required mode the page, its stream and its buttons send on to the page to sign in at."""
    store = SqliteAuthStore(tmp_path / "identities.db")
    guard = Guard(store, lambda: START)
    async with _served(Stage(guard)) as stage:
        for path in ("/operations", "/operations/live", "/operations/break?what=quotes+slow"):
            answer = await stage.get(path)
            assert answer.status == 303
            assert answer.headers["location"].startswith("/sign-in")
            assert b"Slow quotes" not in answer.body
        assert (await stage.post("/operations/break", what="quotes slow")).status == 401
    assert stage.quotes.did == []
    await guard.close()
    await store.close()


class Stream:
    """The live fragments, as a browser reads them."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def next(self) -> str:
        """The data of the next event."""
        async with asyncio.timeout(10):
            while True:
                line = (await self._reader.readline()).decode()
                assert line, "the stream has ended"
                if line.startswith("data: "):
                    return line.removeprefix("data: ").strip()

    async def rest(self) -> bytes:
        """Everything up to the end of the stream."""
        async with asyncio.timeout(10):
            return await self._reader.read()

    def close(self) -> None:
        """Go away."""
        self._writer.close()


@asynccontextmanager
async def _listening(stage: Stage) -> AsyncIterator[Stream]:
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.port, limit=1 << 20)
    writer.write(get("/operations/live", "Connection: close"))
    stream = Stream(reader, writer)
    try:
        yield stream
    finally:
        stream.close()
        await writer.wait_closed()


def _ids(fragments: str) -> set[str]:
    return set(re.findall(r'<section id="(ops-\w+)"', fragments))


async def test_everything_comes_at_once_and_then_what_has_changed(stage: Stage) -> None:
    """The first event has all fragments; a part that falls ill changes its own list, and the red lines."""
    async with _listening(stage) as stream:
        assert _ids(await stream.next()) == {f"ops-{name}" for name in FRAGMENTS}
        stage.behind.said = [Part("redis", False, "is silent")]
        await stage.operations.recorder.look()
        changed = await stream.next()
        assert _ids(changed) == {"ops-troubles", "ops-parts"}
        assert "is silent" in changed
        stage.behind.said = [Part("redis", True, "shares quotes")]
        await stage.operations.recorder.look()
        assert "All 1 parts are well." in await stream.next()


async def test_a_stream_ends_where_the_replica_goes(stage: Stage) -> None:
    """So that the browser goes on at another one."""
    async with _listening(stage) as stream:
        await stream.next()
        stage.app.end_streams()
        assert (await stream.rest()).endswith(b"0\r\n\r\n")


async def test_so_many_streams_and_no_more(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is answered 429; when one has gone there is room again."""
    monkeypatch.setattr(sse, "MOST_OF_ONE", 1)
    async with _listening(stage) as stream:
        await stream.next()
        assert (await stage.get("/operations/live", "Connection: close")).status == 429
    async with asyncio.timeout(10):
        while stage.operations.recorder.watched:  # noqa: ASYNC110  nobody tells us
            await asyncio.sleep(0.01)
    async with _listening(stage) as stream:
        assert _ids(await stream.next())


async def test_who_may_look_no_more_hears_no_more(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A visitor whose session is over is not told anything from the next check on."""
    monkeypatch.setattr(sse, "CHECK_EVERY", 0.05)
    may = True
    monkeypatch.setattr(module, "admins", lambda _: may)
    async with _listening(stage) as stream:
        await stream.next()
        may = False
        stage.behind.said = [Part("redis", False, "is silent")]
        await stage.operations.recorder.look()
        rest = await stream.rest()
    assert b"data: " not in rest
    assert rest.endswith(b"0\r\n\r\n")
