"""Commands as HTTP requests."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytrader.workload.request import CODES, FORMS, Endpoint, RequestBuilder

ENDPOINT = Endpoint.parse("http://127.0.0.1:8080")


def build(name: str, *values: str, line: int = 7, keys: str | None = None, token: str = "") -> bytes:
    """The request for a command."""
    builder = RequestBuilder(ENDPOINT, keys, token)
    return builder.build(CODES[name.encode(), len(values)], ",".join(values).encode(), line)


def test_there_are_seventeen_forms() -> None:
    """Every command has one form, DUMPLOG has two."""
    assert len(FORMS) == 17
    assert [form.name for form in FORMS].count("DUMPLOG") == 2


def test_a_command_is_a_post_with_its_parameters_in_the_query() -> None:
    """BUY's arguments become userid, stockSymbol and amount, in a request without body."""
    assert build("BUY", "oY01WVirLr", "S", "276.83") == (
        b"POST /command/BUY?userid=oY01WVirLr&stockSymbol=S&amount=276.83 HTTP/1.1\r\n"
        b"Host: 127.0.0.1:8080\r\nContent-Length: 0\r\n\r\n"
    )


@pytest.mark.parametrize("name", ["QUOTE", "CANCEL_SET_BUY", "CANCEL_SET_SELL"])
def test_three_commands_are_gets(name: str) -> None:
    """QUOTE and the two that cancel triggers are asked with GET, without a length."""
    assert build(name, "u", "S") == (
        f"GET /command/{name}?userid=u&stockSymbol=S HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n".encode()
    )


def test_dumplog_has_a_form_for_one_user_and_one_for_all() -> None:
    """With two arguments the first is the user, with one there is none."""
    assert b"/command/DUMPLOG?userid=u&filename=./log HTTP" in build("DUMPLOG", "u", "./log")
    assert b"/command/DUMPLOG?filename=./log HTTP" in build("DUMPLOG", "./log")


def test_key_and_token_are_headers() -> None:
    """The key is the run's and the line's; the token is a bearer token."""
    request = build("COMMIT_BUY", "u", line=12, keys="abc", token="t%20")
    assert b"\r\nIdempotency-Key: abc-12\r\n" in request
    assert b"\r\nAuthorization: Bearer t%20\r\n" in request
    assert RequestBuilder(ENDPOINT, "abc").key(12) == "abc-12"
    assert RequestBuilder(ENDPOINT).key(12) is None


@given(st.lists(st.text().filter(lambda text: "," not in text), min_size=3, max_size=3))
def test_any_text_arrives_as_it_is(values: list[str]) -> None:
    """Whatever stands in a line, the query decodes to it and the request's head stays one line."""
    head, _, rest = build("BUY", *values).partition(b"\r\n")
    assert rest == b"Host: 127.0.0.1:8080\r\nContent-Length: 0\r\n\r\n"
    target = head.decode("ascii").split(" ")[1]
    assert [value for _, value in parse_qsl(urlsplit(target).query, keep_blank_values=True)] == values


def test_a_url_may_have_a_path_and_tls() -> None:
    """What stands before /command is kept, https has its own port and a context."""
    endpoint = Endpoint.parse("https://example.org/day%20trader/")
    assert (endpoint.host, endpoint.port, endpoint.authority) == ("example.org", 443, "example.org")
    assert endpoint.tls_context() is not None
    assert (
        RequestBuilder(endpoint)
        .build(CODES[b"COMMIT_BUY", 1], b"u", 1)
        .startswith(b"POST /day%20trader/command/COMMIT_BUY?userid=u HTTP/1.1\r\nHost: example.org\r\n")
    )


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8080", "ftp://x", "http://", "http://x:99999", "http://a b", "http://x\r\n"]
)
def test_what_is_no_url_is_refused(url: str) -> None:
    """A URL that cannot be used raises ValueError before anything is sent."""
    with pytest.raises(ValueError, match=r"URL|[Pp]ort"):
        Endpoint.parse(url)


def test_a_token_can_be_exchanged() -> None:
    """Requests that are built from then on show the new one."""
    builder = RequestBuilder(ENDPOINT, "abc", "old")
    code = CODES[b"COMMIT_BUY", 1]
    builder.show("new")
    assert b"\r\nAuthorization: Bearer new\r\n" in builder.build(code, b"u", 1)
    builder.show("")
    assert b"Authorization" not in builder.build(code, b"u", 1)
