"""The Jobs that make backups, and that restore one."""

import pytest
from click.testing import CliRunner

from daytrader.cli.main import main
from tests.chart.rendering import RELEASE, Object, Rendered, render

MADE = {"backup": {"enabled": True}}


def pod(rendered: Rendered, name: str) -> Object:
    """Return the pod that a CronJob makes."""
    found: Object = rendered.one("CronJob", name)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return found


def args(rendered: Rendered, name: str) -> list[str]:
    """Return the arguments of the program in the pod that a CronJob makes."""
    found: list[str] = pod(rendered, name)["containers"][0]["args"]
    return found


def test_there_are_none_unless_they_are_wanted() -> None:
    """A volume of that size is nobody's default."""
    rendered = render({})
    assert not rendered.of_kind("CronJob")
    assert not rendered.of_kind("PersistentVolumeClaim")


def test_backups_are_made_one_at_a_time() -> None:
    """By the schedule, into the volume, where so many are kept."""
    rendered = render({"backup": {"enabled": True, "schedule": "@hourly", "keep": 24}})
    job = rendered.one("CronJob", f"{RELEASE}-backup")["spec"]
    assert (job["schedule"], job["concurrencyPolicy"]) == ("@hourly", "Forbid")
    assert args(rendered, f"{RELEASE}-backup") == ["backup", "create", "/backups", "--keep=24"]


def test_a_backup_that_hangs_is_ended() -> None:
    """It would keep all later ones from beginning; a restore, which somebody waits for, has all the time it takes."""

    def deadline(rendered: Rendered, name: str) -> object:
        job = rendered.one("CronJob", f"{RELEASE}-{name}")["spec"]["jobTemplate"]["spec"]
        return job.get("activeDeadlineSeconds")

    assert deadline(render(MADE), "backup") == 4 * 3600
    rendered = render({"backup": {"enabled": True, "deadlineSeconds": 600}})
    assert (deadline(rendered, "backup"), deadline(rendered, "restore")) == (600, None)


def test_a_restore_waits_to_be_asked_for() -> None:
    """It takes the newest backup, or the named one, and changes none."""
    rendered = render(MADE)
    assert rendered.one("CronJob", f"{RELEASE}-restore")["spec"]["suspend"] is True
    assert args(rendered, f"{RELEASE}-restore") == ["restore", "/backups"]
    mounts = pod(rendered, f"{RELEASE}-restore")["containers"][0]["volumeMounts"]
    assert [mount.get("readOnly", False) for mount in mounts if mount["name"] == "backups"] == [True]
    named = render({"backup": {"enabled": True, "restoreFrom": "20260102T030405.678Z"}})
    assert args(named, f"{RELEASE}-restore") == ["restore", "/backups/20260102T030405.678Z"]


@pytest.mark.parametrize("name", ["backup", "restore"])
def test_the_program_understands_its_arguments(name: str) -> None:
    """They are refused for nothing but that nobody has said where the sets are."""
    environment = {"DAYTRADER_DATA_URI": None, "DAYTRADER_AUDIT_URI": None}
    words = [word.replace("/backups", "/") for word in args(render(MADE), f"{RELEASE}-{name}")]
    result = CliRunner(env=environment).invoke(main, words)
    assert "where is the data set? Set DAYTRADER_DATA_URI" in result.output


def test_the_claim_outlives_the_release() -> None:
    """Whoever uninstalls by mistake has the backups; a claim that is there is taken as it is."""
    claim = render(MADE).one("PersistentVolumeClaim", f"{RELEASE}-backup")
    assert claim["metadata"]["annotations"] == {
        "helm.sh/hook": "pre-install,pre-upgrade",
        "helm.sh/hook-delete-policy": "hook-failed",
    }
    given = render({"backup": {"enabled": True, "existingClaim": "mine"}})
    assert not given.of_kind("PersistentVolumeClaim")
    volumes = {volume["name"]: volume for volume in pod(given, f"{RELEASE}-backup")["volumes"]}
    assert volumes["backups"]["persistentVolumeClaim"]["claimName"] == "mine"


def test_the_settings_are_the_services() -> None:
    """A restore must know the number of partitions that they are set to."""
    rendered = render(MADE | {"settings": {"DAYTRADER_PARTITIONS": "4"}})
    for name in ("backup", "restore"):
        environment = pod(rendered, f"{RELEASE}-{name}")["containers"][0]["env"]
        assert {"name": "DAYTRADER_PARTITIONS", "value": "4"} in environment
