"""What Prometheus reads about a set."""

from dataclasses import replace

from prometheus_client import REGISTRY

from daytrader_operator import metrics
from daytrader_operator.diagnosis import diagnose
from daytrader_operator.status import status_of
from tests.operator.sets import NAME, NOW, behind, wanted, whole, with_mongod


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"set": NAME, **labels})


def test_members_come_and_go() -> None:
    """Health, primary and lag of each member; those of a member that has left are gone, and of a set that is gone."""
    for members in (5, 3):
        desired = wanted(members=members)
        observed = with_mongod(whole(desired), desired.host(1), applied=behind(2.5))
        observed = replace(observed, mongods={n: m for n, m in observed.mongods.items() if n != desired.host(2)})
        found = diagnose(desired, observed)
        metrics.measure(desired, observed, found, status_of(desired, observed, found, None, NOW))
    assert value("daytrader_mrs_ready") == 0
    assert value("daytrader_mrs_degraded") == 1
    assert (value("daytrader_mrs_members_desired"), value("daytrader_mrs_members_healthy")) == (3, 2)
    assert value("daytrader_mrs_primary", member=f"{NAME}-0") == 1
    assert value("daytrader_mrs_member_lag_seconds", member=f"{NAME}-1") == 2.5
    assert value("daytrader_mrs_member_up", member=f"{NAME}-2") == 0
    assert value("daytrader_mrs_member_up", member=f"{NAME}-4") is None
    metrics.last_pass.labels("MongoReplicaSet", NAME).set(1)
    metrics.forget(NAME)
    assert value("daytrader_mrs_ready") is None
    assert value("daytrader_mrs_member_up", member=f"{NAME}-0") is None
