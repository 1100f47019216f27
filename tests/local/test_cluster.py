"""What the processes of a local cluster are told."""

from pathlib import Path

from daytrader.local.cluster import Cluster, ClusterOptions
from daytrader.settings import load
from daytrader.web.ops.targets import targets_of


async def test_web_knows_whose_metrics_to_ask_for_and_who_runs_it(tmp_path: Path) -> None:
    """Every service's metrics under its role, and the directory of the control; the others need neither."""
    cluster = Cluster(tmp_path / "cluster", ClusterOptions(replicas=2, control=tmp_path))
    settings = load(cluster.environment("web-1"))
    targets = targets_of(settings.metrics_urls)
    assert [target.role for target in targets] == ["web", "web", "transaction", "transaction", "audit"]
    addresses = [f"{address}/metrics" for target in targets for address in await target.addresses()]
    assert addresses == list(cluster.metrics_urls().values())
    assert settings.control_dir == str(tmp_path)
    for name in ("transaction-0", "audit"):
        assert load(cluster.environment(name)).metrics_urls == ""
        assert load(cluster.environment(name)).control_dir == ""


def test_without_a_control_nothing_can_be_broken(tmp_path: Path) -> None:
    """A cluster that a benchmark runs has none."""
    cluster = Cluster(tmp_path / "cluster", ClusterOptions())
    assert load(cluster.environment("web-0")).control_dir == ""
