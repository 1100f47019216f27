"""The credentials of an installation, pass by pass."""

import pytest

from daytrader_operator.credentials.credentials import Credentials, Names
from tests.operator.credentials.made import ENVIRONMENT, REQUIRED, TLS, Certificate, data, installation


def test_without_its_variable_redis_has_no_certificate() -> None:
    """The two Secrets that are made are always named."""
    names = Names.of(ENVIRONMENT)
    assert (names.internal_secret, names.redis_secret) == ("r-daytrader-internal", "r-daytrader-redis")
    assert names.redis_tls_secret is None


@pytest.mark.parametrize(
    ("environment", "made"),
    [
        (ENVIRONMENT, {"internal", "redis"}),
        (REQUIRED, {"internal", "redis", "admin", "tokens"}),
        (REQUIRED | {"OPERATOR_ADMIN_SECRET": ""}, {"internal", "redis", "tokens"}),
    ],
)
async def test_the_secrets_are_made(environment: dict[str, str], made: set[str]) -> None:
    """Those that the environment names; once they are there, nothing more."""
    api = installation()
    credentials = Credentials(api, Names.of(environment))
    await credentials.keep_secrets()
    assert {name for kind, name in api.objects if kind == "Secret"} == {f"r-daytrader-{each}" for each in made}
    written = list(api.writes)
    await credentials.keep_secrets()
    assert api.writes == written


async def test_redis_is_shown_the_certificate_of_its_secret() -> None:
    """With the CA of the same Secret and the password of the other; an event says when it was taken."""
    api = installation()
    api.put("Secret", "redis-tls", data=data(tls_crt="CERT", ca_crt="CA"))
    api.put("Secret", "r-daytrader-redis", data=data(password="pw"))
    redis = Certificate(False, True)
    credentials = Credentials(api, Names.of(TLS), redis)
    await credentials.keep_redis_certificate()
    assert redis.asked == [{"wanted": "CERT", "ca": "CA", "password": "pw"}]
    assert api.events == []
    await credentials.keep_redis_certificate()
    assert [event[:2] for event in api.events] == [("redis-tls", "CertificateTaken")]


@pytest.mark.parametrize("environment", [ENVIRONMENT, TLS])
async def test_without_tls_or_before_its_secret_redis_is_left_alone(environment: dict[str, str]) -> None:
    """There is nothing to take."""
    api = installation()
    redis = Certificate()
    await Credentials(api, Names.of(environment), redis).keep_redis_certificate()
    assert redis.asked == []
