"""The spec of a Workload, in our types."""

import pytest

from daytrader_operator.workload.spec import SpecError, workload
from tests.operator.workload.made import MADE, UID, asked, body


def test_what_is_left_out_has_its_default() -> None:
    """One process, verification, all commands, the installation's own web."""
    spec = asked().spec
    assert (spec.processes, spec.verify, spec.seconds, spec.web_url) == (1, True, None, None)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("2h", 7200), ("1h0m5s", 3605), ("90m", 5400)]
)
def test_a_duration_is_read_as_seconds(text: str, seconds: int) -> None:
    """Hours, minutes and seconds, each of which may be left out."""
    assert asked(MADE | {"duration": text}).spec.seconds == seconds


def test_the_seed_is_the_one_asked_for_also_0() -> None:
    """The same seed gives the same users and commands."""
    assert asked({"made": {"users": 1, "commands": 2, "seed": 0}, "loop": {"closed": {}}}).seed == 0


def test_a_seed_that_is_left_out_goes_with_the_resource() -> None:
    """Two workloads have different users, and a second look at the same one makes the same."""
    assert asked().seed == 0x2A
    other = body()
    other["metadata"]["uid"] = UID.replace("0000002a", "ffffffff")
    assert workload(other).seed == 0xFFFFFFFF


def test_a_resource_of_another_schema_is_refused_with_what_is_wrong() -> None:
    """As where the CustomResourceDefinition in the cluster is of another version."""
    with pytest.raises(SpecError, match=r"\$\.spec\.made\.users.*CustomResourceDefinition up to date"):
        workload(body({"made": {"users": "many", "commands": 2}, "loop": {"closed": {}}}))
