"""Uploading a workload file, and what the page shows of its run."""

import asyncio
import io

import aiohttp
import pytest
from lxml import etree

from daytrader.web.page.workloads import pages as workload_pages
from tests.web.page.trade.person import Page, Person

DAY = b"[1] ADD,carol,100.00\n[2] BUY,carol,ABC,50.00\n[3] COMMIT_BUY,carol\n[4] COMMIT_BUY,carol\n[5] DANCE,carol\n"


async def upload(who: Person, content: bytes, name: str = "day.txt", csrf: str = "") -> Page:
    """Upload a file by the form of the page."""
    page = await who.open("/workloads")
    form = aiohttp.FormData()
    form.add_field("csrf", csrf or page.hidden("/workloads")["csrf"])
    form.add_field("file", io.BytesIO(content), filename=name, content_type="text/plain")
    async with who.client.post(f"{who.base}/workloads", data=form) as answer:
        return Page(answer.status, answer.url.path_qs, await answer.text())


async def ended(who: Person) -> Page:
    """Return the page once the run is over."""
    async with asyncio.timeout(20):
        while True:
            page = await who.open("/workloads")
            if not page.has("//*[@data-live]"):
                return page
            await asyncio.sleep(0.05)


async def test_a_file_is_run_and_reported(anybody: Person) -> None:
    """What was accepted, refused and why, and which lines are no commands."""
    page = await anybody.open("/workloads")
    assert page.text("report") == "Nothing was run on this replica yet."
    page = await upload(anybody, DAY + b"[6] DUMPLOG,log.xml\n")
    assert (page.status, page.path) == (200, "/workloads")
    assert page.text("status") == "day.txt runs"
    report = (await ended(anybody)).text("report")
    assert report.startswith("day.txt done by everybody, begun ")
    assert "5 of 5" in report
    assert "Accepted 4 Refused 1 No answer 0" in report
    assert "The specified stack is empty 1" in report
    assert "1 line of no command line 5: there is no command DANCE" in report
    async with anybody.client.get(f"{anybody.base}/workloads/log.xml") as answer:
        log = etree.fromstring(await answer.read())
    assert [one.text for one in log.iterfind("userCommand/command")] == [
        *("ADD", "BUY", "COMMIT_BUY", "COMMIT_BUY", "DUMPLOG"),
    ]
    assert "Free cash 50.00" in (await anybody.open("/trade/carol")).text("cash")


async def test_the_run_is_shown_live_and_can_be_stopped(anybody: Person) -> None:
    """One at a time; what was acknowledged stays done."""
    many = b"".join(b"[%d] ADD,user%d,1.00\n" % (number, number % 7) for number in range(1, 60_000))
    page = await upload(anybody, many)
    assert page.live == "/workloads/live"
    assert (await upload(anybody, DAY)).status == 409
    async with anybody.watch("/workloads/live") as watch:
        while "59,999" not in (first := (await watch.parts())["report"]):
            assert "is being read" in first
        assert (await watch.parts())["report"] != first
    page = await anybody.send(await anybody.open("/workloads"), "/workloads/stop")
    assert page.text("status") == "The run is stopped"
    assert "stopped" in page.text("report")
    assert "Stopped by everybody; what was acknowledged stays done." in page.text("report")
    page = await anybody.send(page, "/workloads/stop") if page.has("//form[@action='/workloads/stop']") else page
    assert (await upload(anybody, DAY)).status == 200
    assert "day.txt done" in (await ended(anybody)).text("report")


async def test_only_brokers_upload_and_see_their_own_logs(people: dict[str, Person]) -> None:
    """An admin sees every run's log, a broker the own; a trader has no such page."""
    for name, expected in {"alice": 403, "stranger": 303, "broker": 200, "boss": 200}.items():
        assert await people[name].status("/workloads") == expected
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(DAY), filename="x")
    async with people["alice"].client.post(f"{people['alice'].base}/workloads", data=form) as answer:
        assert answer.status == 403
    assert (await upload(people["boss"], DAY + b"[6] DUMPLOG,carol,log.xml\n")).status == 200
    assert "by boss" in (await ended(people["broker"])).text("report")
    assert await people["broker"].status("/workloads/log.xml") == 403
    assert await people["boss"].status("/workloads/log.xml") == 200
    assert (await upload(people["broker"], DAY + b"[6] DUMPLOG,log.xml\n")).status == 200
    report = (await ended(people["broker"])).text("report")
    assert "This is not yours to see or to do 1" in report
    assert await people["broker"].status("/workloads/log.xml") == 404


async def test_what_cannot_be_taken_is_refused_and_nothing_is_run(
    anybody: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A form without a file, another kind of body, a file that is too large, a form that is not ours."""
    monkeypatch.setattr(workload_pages, "LONGEST_FILE", 1024 * 1024)
    assert (await upload(anybody, DAY, csrf="guessed")).status == 403
    assert (await upload(anybody, DAY, name="")).status == 400
    assert (await upload(anybody, b"x" * (1024 * 1024 + 1))).status == 413
    assert await anybody.status("/workloads", "POST", csrf="x") == 415
    page = await anybody.open("/workloads")
    headers = {"Content-Type": "multipart/form-data"}
    async with anybody.client.post(f"{anybody.base}/workloads", data=b"--nonsense", headers=headers) as answer:
        assert answer.status == 400
    headers["Content-Type"] = "multipart/form-data; boundary=x"
    async with anybody.client.post(f"{anybody.base}/workloads", data=b"--x\r\nbroken", headers=headers) as answer:
        assert answer.status == 400
    assert page.text("report") == (await anybody.open("/workloads")).text("report")
    assert await anybody.status("/workloads/log.xml") == 404
