"""Every page and form, visited by everybody, and forms that another site made the browser send."""

import pytest

from tests.security.callers import VISITORS, Visiting
from tests.security.conftest import Kept
from tests.security.pages import PAGES, Page

FORMS = [page for page in PAGES if page.method == "POST"]
REFUSED = (401, 403)


def _csrf(kept: Kept, page: Page, who: Visiting) -> str:
    return kept.csrf.get(who, "") if page.own_csrf else ""


async def test_everybody_gets_what_the_table_says_and_a_refusal_changes_nothing(kept: Kept) -> None:
    """Each status is as it is written; of what is refused no trace is in journal, identities or tokens."""
    wrong = []
    for who in VISITORS:
        for page in PAGES:
            before = kept.stored()
            answer = await kept.visit(page, who, csrf=_csrf(kept, page, who))
            if answer.status != page.gets[who]:
                wrong.append(f"{who}: {page.name}: {answer.status}, not {page.gets[who]}: {answer.body[-300:]!r}")
            refused = page.gets[who] in REFUSED or (page.method == "GET" and page.gets[who] == 303)
            if refused and kept.stored() != before:
                wrong.append(f"{who}: {page.name}: was refused and left something in the stores")
            if answer.status == 303 and who not in ("trader", "other", "broker", "admin"):
                assert answer.headers["location"].startswith("/sign-in?next="), page.name
    assert not wrong, "\n".join(wrong)


FOREIGN = {
    "no token": ("", ()),
    "a wrong token": ("0" * 64, ()),
    "the token of somebody else": ("other", ()),
    "another site's origin": ("own", ("Origin: https://evil.example",)),
    "an origin that is none": ("own", ("Origin: null",)),
    "our host by name only": ("own", ("Origin: http://localhost.evil.example",)),
    "another port": ("own", ("Origin: http://localhost:81",)),
    "another site, says the browser": ("own", ("Sec-Fetch-Site: cross-site",)),
}


@pytest.mark.parametrize("how", FOREIGN)
async def test_a_form_that_is_not_ours_is_refused_and_changes_nothing(kept: Kept, how: str) -> None:
    """403 for those who may all of it, a trader and an admin, at every form."""
    csrf, headers = FOREIGN[how]
    before = kept.stored()
    visitors: tuple[Visiting, Visiting] = ("trader", "admin")
    for who in visitors:
        shown = kept.csrf["other"] if csrf == "other" else kept.csrf[who] if csrf == "own" else csrf
        for page in FORMS:
            if page.gets[who] not in REFUSED:
                assert (await kept.visit(page, who, *headers, csrf=shown)).status == 403, (who, page.name)
    assert kept.stored() == before


async def test_a_form_is_no_link(kept: Kept) -> None:
    """Nothing that a form does can be done by GET, which other sites can make a browser send along with the cookie."""
    only_forms = {page.target for page in FORMS} - {
        page.target.partition("?")[0] for page in PAGES if page.method == "GET"
    }
    before = kept.stored()
    for target in only_forms:
        page = Page("GET", f"{target}?csrf={kept.csrf['admin']}", {}, "")
        assert (await kept.visit(page, "admin")).status in (404, 405), target
    assert kept.stored() == before


async def test_a_session_is_no_way_into_the_api(kept: Kept) -> None:
    """The cookie of an admin, beside nothing else, opens neither commands nor operations nor health."""
    for target in ("/command/ADD?userid=alice&amount=1.00", "/api/v1/accounts/alice", "/api/v1/log", "/health"):
        assert (await kept.visit(Page("GET", target, {}, ""), "admin")).status == 401


async def test_every_page_comes_with_headers_that_keep_it_safe(kept: Kept) -> None:
    """Errors and redirects, too: nobody frames, sniffs or caches a page, or makes it run what it did not bring."""
    nowhere = Page("GET", "/nothing", {}, "")
    for page in (*PAGES, nowhere):
        answer = await kept.visit(page, "other", csrf="")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["permissions-policy"]
        if not page.target.startswith("/static/"):
            assert answer.headers["cache-control"] == "no-store", page.name
