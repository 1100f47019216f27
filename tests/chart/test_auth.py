"""Who may use an installation: what web, the Jobs of Workloads and `helm test` are given."""

import pytest

from daytrader.settings import load
from tests.chart.programs import helm, run
from tests.chart.rendering import CHART, TLS, Object, Rendered, Values, render

GIVEN: Values = {"auth": {"adminPasswordSecret": "first-admin", "tokensSecret": "first-tokens"}}
OPEN: Values = {"auth": {"mode": "open"}}
FILES = {
    "DAYTRADER_AUTH_ADMIN_PASSWORD_FILE": "/etc/daytrader/auth/admin-password",
    "DAYTRADER_AUTH_BROKER_TOKEN_FILE": "/etc/daytrader/auth/broker-token",
    "DAYTRADER_AUTH_ADMIN_TOKEN_FILE": "/etc/daytrader/auth/admin-token",
}


def pod(rendered: Rendered, component: str) -> Object:
    """The pod of a component's Deployment, or of `helm test`."""
    if component == "test":
        found: Object = rendered.one("Pod", "daytrader-test")["spec"]
    else:
        found = rendered.one("Deployment", f"daytrader-{component}")["spec"]["template"]["spec"]
    return found


def variables(rendered: Rendered, component: str) -> dict[str, str]:
    """The variables with a value of their own, of its one container."""
    (container,) = pod(rendered, component)["containers"]
    return {each["name"]: each["value"] for each in container.get("env", []) if "value" in each}


def volume(rendered: Rendered, component: str) -> Object | None:
    """Its volume of that name, without that."""
    found = [each for each in pod(rendered, component)["volumes"] if each["name"] == "auth"]
    return {key: value for key, value in found[0].items() if key != "name"} if found else None


@pytest.mark.parametrize(
    ("values", "password", "tokens"),
    [({}, "daytrader-admin", "daytrader-tokens"), (GIVEN, "first-admin", "first-tokens")],
)
def test_web_requires_tokens_and_has_the_first_ones_in_files(values: Values, password: str, tokens: str) -> None:
    """Unless somebody says otherwise; the files are where the variables say, and web takes these settings."""
    rendered = render(values)
    told = variables(rendered, "web")
    assert told["DAYTRADER_AUTH_MODE"] == "required"
    assert FILES.items() <= told.items()
    assert told["DAYTRADER_TOKEN_FILE"] == FILES["DAYTRADER_AUTH_ADMIN_TOKEN_FILE"]
    assert volume(rendered, "web") == {
        "projected": {
            "defaultMode": 0o440,
            "sources": [
                {"secret": {"name": password, "items": [{"key": "password", "path": "admin-password"}]}},
                {
                    "secret": {
                        "name": tokens,
                        "items": [
                            {"key": "broker", "path": "broker-token"},
                            {"key": "admin", "path": "admin-token"},
                        ],
                    }
                },
            ],
        }
    }
    mounts = pod(rendered, "web")["containers"][0]["volumeMounts"]
    assert {"name": "auth", "mountPath": "/etc/daytrader/auth", "readOnly": True} in mounts
    settings = load(
        {name: value for name, value in told.items() if name.startswith("DAYTRADER_")} | {"DAYTRADER_DATA_URI": "x"}
    )
    assert (settings.auth_mode, settings.secure_cookies) == ("required", False)


def test_no_other_service_sees_a_password_or_a_token(rendered: Rendered) -> None:
    """Of transaction, audit, operator, quotes and Redis none mounts one of these Secrets."""
    for component in ("transaction", "audit", "operator", "redis"):
        assert volume(rendered, component) is None
        assert "first-" not in str(pod(rendered, component)["volumes"])
        assert not {name for name in variables(rendered, component) if name.startswith("DAYTRADER_AUTH")}


def test_the_operator_makes_what_nobody_has_made() -> None:
    """Each Secret that a value names is left to whoever names it; Jobs show the tokens of either."""
    made = variables(render({}), "operator")
    assert made["OPERATOR_ADMIN_SECRET"] == "daytrader-admin"
    assert made["OPERATOR_TOKENS_SECRET"] == made["OPERATOR_WORKLOAD_TOKENS_SECRET"] == "daytrader-tokens"
    given = variables(render(GIVEN), "operator")
    assert not given.keys() & {"OPERATOR_ADMIN_SECRET", "OPERATOR_TOKENS_SECRET"}
    assert given["OPERATOR_WORKLOAD_TOKENS_SECRET"] == "first-tokens"


def test_helm_test_shows_an_admins_token_and_has_no_other() -> None:
    """It reads the whole log."""
    rendered = render(GIVEN)
    assert variables(rendered, "test")["DAYTRADER_TOKEN_FILE"] == "/etc/daytrader/auth/token"
    assert volume(rendered, "test") == {
        "secret": {"secretName": "first-tokens", "defaultMode": 0o440, "items": [{"key": "admin", "path": "token"}]}
    }


def test_open_is_open_and_has_no_secret() -> None:
    """Nothing is made, mounted or shown, and web has no way to the data set."""
    rendered = render(OPEN | TLS)
    (container,) = pod(rendered, "web")["containers"]
    assert not {each["name"] for each in container["env"]} & {"DAYTRADER_DATA_URI", "DAYTRADER_MONGODB_CA"}
    assert "mongodb-tls" not in str(pod(rendered, "web")["volumes"])
    told = variables(rendered, "web")
    assert told["DAYTRADER_AUTH_MODE"] == "open"
    assert not told.keys() & FILES.keys()
    assert [volume(rendered, each) for each in ("web", "test")] == [None, None]
    assert "DAYTRADER_TOKEN_FILE" not in variables(rendered, "test")
    assert not {name for name in variables(rendered, "operator") if "TOKENS" in name or "ADMIN" in name}


@pytest.mark.parametrize(
    ("values", "secure"),
    [
        ({}, False),
        ({"auth": {"secureCookies": "always"}}, True),
        (TLS, True),
        (TLS | {"auth": {"secureCookies": "never"}}, False),
        ({"ingress": {"enabled": True, "tls": {"secretName": "edge"}}}, True),
        ({"ingress": {"enabled": True}}, False),
        ({"ingress": {"tls": {"secretName": "edge"}}}, False),
    ],
)
def test_cookies_are_for_https_where_there_is_tls(values: Values, secure: bool) -> None:
    """At web itself or at the Ingress; where it ends elsewhere, a value says so."""
    assert (variables(render(values), "web").get("DAYTRADER_SECURE_COOKIES") == "true") is secure


def test_proxies_are_believed_where_they_are_named() -> None:
    """As a list for the chart, with commas for web."""
    rendered = render({"auth": {"trustedProxies": ["10.0.0.0/8", "192.0.2.7/32"]}})
    assert variables(rendered, "web")["DAYTRADER_TRUSTED_PROXIES"] == "10.0.0.0/8,192.0.2.7/32"
    assert "DAYTRADER_TRUSTED_PROXIES" not in variables(render({}), "web")


@pytest.mark.parametrize(
    ("values", "told", "untold"),
    [
        ({}, ["get secret daytrader-tokens", "get secret daytrader-admin", "Bearer $TOKEN"], "Open:"),
        (GIVEN, ["get secret first-tokens", "get secret first-admin"], "daytrader-tokens"),
        (OPEN, ["Open: everybody who reaches web"], "get secret"),
    ],
)
def test_the_notes_tell_how_to_come_in(values: Values, told: list[str], untold: str) -> None:
    """With kubectl, by the Secrets that there are; where everybody may, they say so."""
    options = ("--dry-run=client", "--namespace", "daytrader", "--set", "web.service.type=NodePort")
    pairs = [f"auth.{name}={value}" for name, value in values.get("auth", {}).items()]
    said = run(
        helm(), "install", "daytrader", str(CHART), *options, *(word for pair in pairs for word in ("--set", pair))
    )
    notes = said.partition("NOTES:")[2]
    assert [each for each in told if each not in notes] == []
    assert untold not in notes
