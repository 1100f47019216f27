"""The credentials of an installation, pass by pass."""

import asyncio
import base64

import pytest
from structlog.testing import capture_logs

from daytrader_operator.credentials import handlers
from daytrader_operator.credentials.credentials import Credentials, Names
from daytrader_operator.credentials.handlers import keep
from daytrader_operator.credentials.redis_certificate import RedisCertificate, RedisTlsError
from tests.operator.stand_in import StandIn

ENVIRONMENT = {
    "OPERATOR_NAMESPACE": "trading",
    "OPERATOR_INSTANCE": "r",
    "OPERATOR_FULLNAME": "r-daytrader",
    "OPERATOR_INTERNAL_SECRET": "r-daytrader-internal",
    "OPERATOR_REDIS_SECRET": "r-daytrader-redis",
}
TLS = ENVIRONMENT | {"OPERATOR_REDIS_TLS_SECRET": "redis-tls"}


class Certificate(RedisCertificate):
    """Remembers what Redis was to take."""

    def __init__(self, *answers: bool | RedisTlsError) -> None:
        super().__init__(host="x")
        object.__setattr__(self, "asked", [])
        object.__setattr__(self, "answers", list(answers))

    asked: list[dict[str, str]]
    answers: list[bool | RedisTlsError]

    async def take(self, *, wanted: str, ca: str, password: str) -> bool:
        """Answer as the test says."""
        self.asked.append({"wanted": wanted, "ca": ca, "password": password})
        answer = self.answers.pop(0)
        if isinstance(answer, RedisTlsError):
            raise answer
        return answer


def data(**texts: str) -> dict[str, str]:
    """The data of a Secret."""
    return {name.replace("_", "."): base64.b64encode(text.encode()).decode() for name, text in texts.items()}


def installation() -> StandIn:
    """A namespace with the Services of an installation."""
    api = StandIn()
    api.put("Service", "r-daytrader-web")
    return api


def test_empty_variables_are_none() -> None:
    """A Secret that somebody else makes is not named."""
    names = Names.of(ENVIRONMENT | {"OPERATOR_INTERNAL_SECRET": "", "OPERATOR_REDIS_SECRET": ""})
    assert (names.internal_secret, names.redis_secret, names.redis_tls_secret) == (None, None, None)


async def test_the_secrets_are_made() -> None:
    """Those that the environment names."""
    api = installation()
    await Credentials(api, Names.of(ENVIRONMENT)).keep_secrets()
    assert sorted(name for kind, name in api.objects if kind == "Secret") == [
        "r-daytrader-internal",
        "r-daytrader-redis",
    ]
    api = installation()
    await Credentials(api, Names.of(ENVIRONMENT | {"OPERATOR_REDIS_SECRET": ""})).keep_secrets()
    assert sorted(name for kind, name in api.objects if kind == "Secret") == ["r-daytrader-internal"]


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


async def test_one_part_that_fails_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said once as long as it fails in the same way, and tried again."""
    monkeypatch.setattr(handlers, "INTERVAL_S", 0.001)
    api = installation()
    api.put("Secret", "redis-tls", data=data(tls_crt="CERT", ca_crt="CA"))
    redis = Certificate(*(RedisTlsError("no"),) * 5, RedisTlsError("other"), *(False,) * 10_000)
    with capture_logs() as said:
        task = asyncio.create_task(keep(Credentials(api, Names.of(TLS), redis), "r-daytrader"))
        try:
            async with asyncio.timeout(10):
                while len(redis.asked) < 10:  # noqa: ASYNC110  the task under test tells nobody when a pass is over
                    await asyncio.sleep(0.001)
        finally:
            task.cancel()
    assert ("Secret", "r-daytrader-internal") in api.objects
    assert [line["why"] for line in said if line["log_level"] == "warning"] == ["no", "other"]
