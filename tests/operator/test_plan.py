"""Single steps of the plan; that they lead somewhere is shown by the simulation."""

from dataclasses import replace

import pytest

from daytrader_operator import plan
from daytrader_operator.actions import (
    ApplyCertificate,
    ApplyUri,
    Aside,
    DropStatefulSet,
    GrowVolume,
    MakeKeyfile,
    MakeService,
    MakeStatefulSet,
    MakeUser,
    Reconfigure,
    Replace,
    RotateCertificate,
    SetGate,
    Step,
    StepDown,
)
from daytrader_operator.desired import Desired
from daytrader_operator.diagnosis import diagnose
from daytrader_operator.facts import SILENT, Certificate, Mongod, Observed, Says
from tests.operator.sets import CERTIFICATE, behind, config, wanted, whole, with_mongod, with_pod

TLS = {"secretName": "certificate"}


def step(desired: Desired, observed: Observed) -> Step | None:
    return plan.step(desired, observed, diagnose(desired, observed))


def asides(desired: Desired, observed: Observed) -> list[Aside]:
    return plan.asides(desired, observed, diagnose(desired, observed))


def test_nothing_is_done_where_all_is_as_wanted() -> None:
    """A whole set of the current template gets no step and nothing aside."""
    desired = wanted()
    assert step(desired, whole(desired)) is None
    assert asides(desired, whole(desired)) == []


def test_objects_that_are_gone_come_back() -> None:
    """Keyfile, Service and StatefulSet are made again where they were deleted."""
    desired = wanted()
    observed = whole(desired)
    assert step(desired, replace(observed, key=None)) == MakeKeyfile()
    assert step(desired, replace(observed, applied={})) == MakeService()
    made = step(desired, replace(observed, workload=None))
    assert isinstance(made, MakeStatefulSet)
    assert made.replicas == 3


def test_the_uri_follows_the_members() -> None:
    """A URI that names other members than the wanted ones is written anew, with the same password."""
    desired = wanted()
    observed = whole(desired)
    assert observed.credentials is not None
    old = replace(observed.credentials, uri="mongodb://old")
    assert step(desired, replace(observed, credentials=old)) == ApplyUri(old)


def test_a_changed_certificate_is_given_to_the_members() -> None:
    """First into their Secret; then each is told to read it, as long as it shows another one."""
    desired = wanted(tls=TLS)
    renewed = Certificate("new server", "authority", "new print")
    observed = replace(whole(desired), certificate=renewed)
    assert step(desired, observed) == ApplyCertificate(renewed)
    assert asides(desired, observed) == []
    mounted = replace(observed, mounted=renewed)
    assert asides(desired, mounted) == [RotateCertificate(desired.host(n)) for n in range(3)]
    told = with_mongod(mounted, desired.host(1), certificate="new print")
    assert asides(desired, told) == [RotateCertificate(desired.host(n)) for n in (0, 2)]
    assert CERTIFICATE.fingerprint == "print"


def test_readiness_follows_what_is_seen() -> None:
    """A gate is set where it is not what the operator sees, and never for a pod that is leaving."""
    desired = wanted()
    observed = with_pod(whole(desired), 2, in_the_set=None)
    assert asides(desired, observed) == [SetGate(desired.pod(2), "uid-2", True)]
    silent = replace(whole(desired), mongods={**whole(desired).mongods, desired.host(1): SILENT})
    assert asides(desired, silent) == [SetGate(desired.pod(1), "uid-1", False)]
    assert asides(desired, with_pod(silent, 1, leaving=True)) == []


def test_an_operator_that_sees_nobody_closes_no_gate() -> None:
    """Members that serve stay ready, and keep their disruption budget, while the operator is cut off from them all."""
    desired = wanted()
    assert asides(desired, replace(whole(desired), mongods={})) == []
    refused = replace(whole(desired), mongods={desired.host(n): Mongod(Says.REFUSES) for n in range(3)})
    assert asides(desired, refused) == [SetGate(desired.pod(n), f"uid-{n}", False) for n in range(3)]


def test_volumes_grow() -> None:
    """A larger size: the StatefulSet is made again over its pods, then each volume is asked to grow."""
    desired = wanted(storage={"size": "2Gi"})
    observed = whole(desired)
    assert observed.workload is not None
    small = replace(observed, workload=replace(observed.workload, storage="1024Mi"), volumes={0: "2Gi", 1: "1Gi"})
    assert step(desired, small) == DropStatefulSet()
    grown = step(desired, replace(small, workload=observed.workload))
    assert isinstance(grown, GrowVolume)
    assert (grown.claim, grown.size) == (f"data-{desired.pod(1)}", "2Gi")


def test_a_size_written_otherwise_is_the_same() -> None:
    """1024Mi is what the API server calls 1Gi."""
    desired = wanted(storage={"size": "1024Mi"})
    observed = whole(desired)
    assert observed.workload is not None
    normal = replace(
        observed, workload=replace(observed.workload, storage="1Gi"), volumes=dict.fromkeys(range(3), "1Gi")
    )
    assert step(desired, normal) is None


def test_a_user_that_is_not_as_wanted_is_made_so() -> None:
    """On the primary, and only where a majority can hold it."""
    desired = wanted()
    observed = replace(whole(desired), user_is_made=False)
    made = step(desired, observed)
    assert isinstance(made, MakeUser)
    assert made.primary == desired.host(0)
    assert {role["role"] for role in made.user["roles"]} == {"readWrite", "clusterMonitor"}
    alone = replace(observed, mongods={desired.host(0): observed.mongods[desired.host(0)]})
    assert step(desired, alone) is None


def test_secondaries_are_replaced_first() -> None:
    """Of pods of the former template the highest secondary goes first; the primary steps down when it is the last."""
    desired = wanted()
    observed = whole(desired)
    for ordinal in range(3):
        observed = with_pod(observed, ordinal, revision="before")
    first = step(desired, observed)
    assert isinstance(first, Replace)
    assert (first.pod, first.uid) == (desired.pod(2), "uid-2")
    observed = with_pod(with_pod(observed, 2, revision="now"), 1, revision="now")
    last = step(desired, observed)
    assert isinstance(last, StepDown)
    assert last.primary == desired.host(0)


@pytest.mark.parametrize(
    "facts", [{"state": "STARTUP2"}, {"state": "RECOVERING"}, {"applied": behind(6)}, {"applied": None}]
)
def test_nobody_is_replaced_while_another_is_not_close(facts: dict[str, object]) -> None:
    """A member that is not in service, or more than 5 s behind, holds the roll up."""
    desired = wanted()
    observed = with_pod(whole(desired), 1, revision="before")
    assert isinstance(step(desired, observed), Replace)
    assert step(desired, with_mongod(observed, desired.host(2), **facts)) is None


def test_nobody_is_replaced_whom_the_primary_does_not_reach() -> None:
    """A member that calls itself SECONDARY, but is unreachable for the primary, holds the roll up too."""
    desired = wanted()
    observed = with_pod(whole(desired), 1, revision="before")
    seen = {desired.host(0): "PRIMARY", desired.host(1): "SECONDARY"}
    assert step(desired, with_mongod(observed, desired.host(0), peers=seen)) is None


def test_nothing_is_rolled_before_the_controller_has_seen_the_template() -> None:
    """While the StatefulSet's status is older than its spec, it is not known which pods are of the current template."""
    desired = wanted()
    observed = with_pod(whole(desired), 1, revision="before")
    assert observed.workload is not None
    assert step(desired, replace(observed, workload=replace(observed.workload, settled=False))) is None


def test_a_member_joins_when_nobody_copies() -> None:
    """The next member is taken in with the next _id, and only while all members are in service."""
    desired = wanted(members=5)
    observed = whole(desired)
    three = config(desired, 0, 1, 2)
    for ordinal in range(3):
        observed = with_mongod(observed, desired.host(ordinal), config=three)
    empty = Mongod(Says.EMPTY)
    observed = replace(observed, mongods={**observed.mongods, desired.host(3): empty, desired.host(4): empty})
    joined = step(desired, observed)
    assert isinstance(joined, Reconfigure)
    assert joined.config["members"][-1] == {"_id": 3, "host": desired.host(3)}
    assert joined.config["version"] == 8
    assert step(desired, with_mongod(observed, desired.host(1), state="STARTUP2")) is None


def test_members_leave_before_their_pods() -> None:
    """From five to three: one member out of the configuration a time, then the StatefulSet gets smaller."""
    desired, five = wanted(), wanted(members=5)
    observed = whole(five)
    left = step(desired, replace(observed, credentials=whole(desired).credentials))
    assert isinstance(left, Reconfigure)
    assert [member["host"] for member in left.config["members"]] == [desired.host(n) for n in range(4)]
    gone = replace(whole(desired), workload=observed.workload)
    smaller = step(desired, gone)
    assert isinstance(smaller, MakeStatefulSet)
    assert smaller.replicas == 3


def test_no_member_leaves_whom_the_majority_needs() -> None:
    """With two of the staying members away, a healthy one that is to leave stays for the majority."""
    desired, five = wanted(), wanted(members=5)
    observed = replace(whole(five), credentials=whole(desired).credentials)
    for ordinal in (1, 2):
        observed = replace(observed, mongods={**observed.mongods, five.host(ordinal): SILENT})
    assert step(desired, observed) is None


def test_the_time_limits_are_kept() -> None:
    """A configuration with other settings gets ours, and keeps its members and its id."""
    desired = wanted()
    observed = whole(desired)
    document = config(desired, 0, 1, 2).document
    slow = type(config(desired, 0))({**document, "settings": {**document["settings"], "electionTimeoutMillis": 10_000}})
    for ordinal in range(3):
        observed = with_mongod(observed, desired.host(ordinal), config=slow)
    settled = step(desired, observed)
    assert isinstance(settled, Reconfigure)
    assert settled.config["settings"]["electionTimeoutMillis"] == 3000
    assert settled.config["settings"]["replicaSetId"] == document["settings"]["replicaSetId"]
    assert settled.config["members"] == document["members"]


def test_a_primary_that_was_cut_off_is_not_followed() -> None:
    """Of two that call themselves primary, the one of the higher term is."""
    desired = wanted()
    observed = with_mongod(whole(desired), desired.host(1), state="PRIMARY", writable=True, term=3)
    assert diagnose(desired, observed).primary == desired.host(1)


def test_an_authority_is_believed_until_no_member_shows_a_certificate_of_it() -> None:
    """Beside the new one, by the operator and the members, so that each can be told to read the new certificate."""
    desired = wanted(tls=TLS)
    renewed = Certificate("new server", "new authority\n\n", "new print")
    observed = replace(whole(desired), certificate=renewed, mounted=Certificate("server", "old", "print"))
    both = replace(renewed, authority="new authority\nold")
    assert observed.authority == both.authority
    assert step(desired, observed) == ApplyCertificate(both)
    observed = replace(observed, mounted=both)
    for member in range(3):
        assert observed.authority == both.authority
        assert step(desired, observed) is None
        assert RotateCertificate(desired.host(member)) in asides(desired, observed)
        observed = with_mongod(observed, desired.host(member), certificate="new print")
    assert step(desired, observed) == ApplyCertificate(renewed)
    assert replace(observed, mounted=renewed).authority == renewed.authority


def test_a_missing_certificate_stops_all_but_objects() -> None:
    """Without a usable TLS Secret nothing is said to members, and the reason is told."""
    desired = wanted(tls=TLS)
    observed = replace(whole(desired), certificate=None, why_no_certificate="there is no Secret certificate")
    found = diagnose(desired, observed)
    assert found.trouble is not None
    assert found.trouble.reason == "NoCertificate"
    assert step(desired, with_pod(observed, 1, revision="before")) is None
