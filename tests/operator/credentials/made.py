"""An installation for tests: its environment, its namespace, and a Redis that takes what it is told to."""

import base64

from daytrader_operator.credentials.redis_certificate import RedisCertificate, RedisTlsError
from tests.operator.stand_in import StandIn

ENVIRONMENT = {
    "OPERATOR_NAMESPACE": "trading",
    "OPERATOR_INSTANCE": "r",
    "OPERATOR_FULLNAME": "r-daytrader",
    "OPERATOR_INTERNAL_SECRET": "r-daytrader-internal",
    "OPERATOR_REDIS_SECRET": "r-daytrader-redis",
}
REQUIRED = ENVIRONMENT | {
    "OPERATOR_ADMIN_SECRET": "r-daytrader-admin",
    "OPERATOR_TOKENS_SECRET": "r-daytrader-tokens",
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
