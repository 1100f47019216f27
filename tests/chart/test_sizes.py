"""What the small profile asks for, all of ours together."""

from tests.chart.rendering import Object, Rendered

GB = 10**9
_UNITS = {"m": 0.001, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def amount(quantity: str | int) -> float:
    """The number behind a quantity of Kubernetes."""
    text = str(quantity)
    for unit, factor in _UNITS.items():
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    return float(text)


def parts(rendered: Rendered) -> list[tuple[int, Object]]:
    """How many there are at the most of each pod of the release, and what each asks for."""
    most = {
        scaler["spec"]["scaleTargetRef"]["name"]: scaler["spec"]["maxReplicas"]
        for scaler in rendered.of_kind("HorizontalPodAutoscaler").values()
    }
    found = []
    for name, deployment in rendered.of_kind("Deployment").items():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        found.append((most.get(name) or deployment["spec"]["replicas"], container["resources"]))
    sets = rendered.of_kind("MongoReplicaSet").values()
    return found + [(each["spec"]["members"], each["spec"]["resources"]) for each in sets]


def test_the_small_profile_fits_two_cores_and_four_gigabytes(small: Rendered) -> None:
    """With web and transaction at their most replicas: CPU as asked for, memory up to the limits."""
    all_parts = parts(small)
    assert len(all_parts) == 8
    cores = sum(count * amount(resources["requests"]["cpu"]) for count, resources in all_parts)
    memory = sum(count * amount(resources["limits"]["memory"]) for count, resources in all_parts)
    assert cores <= 2
    assert memory <= 4 * GB


def test_a_member_has_memory_for_its_cache(small: Rendered) -> None:
    """Besides the cache there are 100 MB at least for connections and what is under way."""
    for each in small.of_kind("MongoReplicaSet").values():
        limit = amount(each["spec"]["resources"]["limits"]["memory"])
        assert limit - each["spec"]["cacheGB"] * 2**30 >= 96 * 2**20
