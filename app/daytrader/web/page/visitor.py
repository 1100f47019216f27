"""Who looks at a page: found by cookies, and protected from other sites that make the browser send forms."""

import hmac
from collections.abc import Callable
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from daytrader.auth.guard import AWAY, Denied, Guard
from daytrader.auth.role import Caller
from daytrader.web.page.cookies import Cookies, new_browser
from daytrader.web.page.form import Form, RefusedError, read_form
from daytrader.web.page.proxies import Proxies
from daytrader.web.page.told import Told, packed, unpacked

EVERYBODY: Final = Caller("everybody", "broker")
"""Who asks where the mode is open."""

CSRF_HEADER: Final = "x-csrf-token"

FOREIGN: Final = "Another site sent this: nothing was done"
OUT_OF_DATE: Final = "This page is out of date: nothing was done. Load it again, and send it once more"


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """Who looks at a page."""

    caller: Caller | None
    """None: nobody is signed in, which is only where the mode is "required"."""
    csrf: str
    """What the forms of the page carry in the field `csrf`, or scripts in the header X-CSRF-Token.

    Empty: it cannot be found out who looks, so that there are no forms.
    """
    open: bool
    """Whether the mode is open: then the caller is EVERYBODY, who sees the admin's pages, too."""
    secure: bool = False
    """Whether the page is shown by https."""
    told: Told | None = None
    """What the page before has to say."""
    session: str = ""
    """The text of the session; empty: there is none."""
    ended: bool = False
    """Whether the browser shows a session that is over."""
    browser: str = ""
    """The id of the browser; empty: it is not needed."""
    new_browser: bool = False
    """Whether that id has to be set."""

    @property
    def user(self) -> str:
        """The userid that is the visitor's own; empty for brokers, admins and in open mode, who choose one."""
        return self.caller.name if self.caller is not None and self.caller.role == "trader" else ""

    @property
    def any_user(self) -> bool:
        """Whether the visitor trades and looks as any user."""
        return self.caller is not None and self.caller.role != "trader"

    @property
    def admin(self) -> bool:
        """Whether the admin's pages are the visitor's to see."""
        return self.open or (self.caller is not None and self.caller.role == "admin")

    def may_see(self, user: str) -> bool:
        """Return whether the visitor may trade and look as `user`."""
        return self.any_user or (bool(user) and user == self.user)


class Visitors:
    """Tells who looks at a page."""

    def __init__(self, key: Callable[[], bytes], guard: Guard | None = None, proxies: Proxies | None = None) -> None:
        """`key` signs the cookies; empty: it cannot be had yet. `guard` knows the sessions; None: the mode is open."""
        self._key = key
        self._guard = guard
        self.proxies = proxies or Proxies()

    async def of(self, request: Request) -> Visitor | Denied:
        """Return who sends a request, who may be nobody, or what to answer where that cannot be found out."""
        key = self._key()
        if not key:
            return AWAY
        cookies, secure = Cookies(key), self.proxies.secure(request)
        caller: Caller | None = EVERYBODY
        session, ended = "", False
        if self._guard is not None:
            caller, session = None, cookies.read(request, "session", secure=secure)
            if session:
                found = await self._guard.session(session.encode())
                if isinstance(found, Caller):
                    caller = found
                elif found.status != 401:
                    return found
                else:
                    session, ended = "", True
        browser = "" if session else cookies.read(request, "browser", secure=secure)
        unseen = not session and not browser
        if unseen:
            browser = new_browser()
        csrf = cookies.csrf(session or browser)
        told = unpacked(cookies.read(request, "told", secure=secure), csrf)
        return Visitor(
            caller=caller,
            csrf=csrf,
            open=self._guard is None,
            secure=secure,
            told=told,
            session=session,
            ended=ended,
            browser=browser,
            new_browser=unseen,
        )

    def check_origin(self, request: Request) -> None:
        """Raise RefusedError (403) where the request was made by a page of another site."""
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site", "same-origin").lower()
        own = request.headers.get("host", "").lower()
        if (origin is not None and _host(origin) != own) or site == "cross-site":
            raise RefusedError(403, FOREIGN)

    def check(self, request: Request, visitor: Visitor, csrf: str = "") -> None:
        """Raise RefusedError (403) where a request that changes something does not come from a page of ours.

        `csrf` is what the form carries; the header X-CSRF-Token does as well.
        """
        self.check_origin(request)
        shown = csrf or request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(shown.encode("utf-8", "surrogatepass"), visitor.csrf.encode()):
            raise RefusedError(403, OUT_OF_DATE)

    async def form(self, request: Request, visitor: Visitor) -> Form:
        """Return the fields of a form that a page of ours sent. Raises RefusedError."""
        self.check_origin(request)
        form = await read_form(request)
        self.check(request, visitor, form.get("csrf", ""))
        return form

    def settle(
        self,
        response: Response,
        visitor: Visitor,
        told: Told | None = None,
        session: str | None = None,
        *,
        shown: bool = False,
    ) -> None:
        """Set the cookies that `response`, the answer to `visitor`, leaves in the browser.

        `told` is for the next page; `session` is the one that begins; empty: the visitor's ends; None: neither.
        `shown` says that what the page before had to say was shown.
        """
        cookies, csrf = Cookies(self._key()), visitor.csrf
        if session:
            cookies.set(response, "session", session, secure=visitor.secure)
            csrf = cookies.csrf(session)
        elif session is not None or visitor.ended:
            cookies.delete(response, "session", secure=visitor.secure)
        if visitor.new_browser and isinstance(response, HTMLResponse | RedirectResponse):
            # Only a page has forms. A stream that is answered meanwhile must not take the id of its page away.
            cookies.set(response, "browser", visitor.browser, secure=visitor.secure)
        if told is not None:
            cookies.set(response, "told", packed(told, csrf), secure=visitor.secure)
        elif shown and visitor.told is not None:
            cookies.delete(response, "told", secure=visitor.secure)


def _host(origin: str) -> str:
    """Return host and port of an Origin header; empty where it names none ("null")."""
    scheme, separator, host = origin.lower().partition("://")
    return host if separator and scheme in {"http", "https"} else ""
