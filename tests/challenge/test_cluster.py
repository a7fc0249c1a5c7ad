"""The same on a Dask cluster: the same bytes, lost workers' tasks done again, and every fault of a cluster a sentence."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cadenza_core.challenge import DaskPool, LocalPool, enhance_plan, gains_from, read_set, run
from cadenza_core.challenge.plan import Group, Unit
from cadenza_core.errors import CadenzaError
from cadenza_core.settings import Settings
from tests.challenge import recipe
from tests.challenge.conftest import ROOT, lines
from tests.challenge.test_resume import content

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster():
    """Two workers on this machine, processes of their own."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options, silence_logs=50) as made:
        yield made
    os.environ.pop("PYTHONPATH")
    if before:
        os.environ["PYTHONPATH"] = before


def plan_of(tree: Path, out: Path, settings: Settings, **chosen):
    data = read_set(tree, "valid", **chosen)
    return enhance_plan(data, "reference", out, settings, gains_from("", [], data, settings))


@pytest.mark.slow
def test_a_cluster_gives_the_bytes_of_one_machine_and_a_lost_worker_costs_nothing(
    cluster, tree, home, call, settings, tmp_path
):
    chosen = ("--data", tree, "--workers", 2)
    assert call("enhance", *chosen, "--system", "reference", "--out", tmp_path / "here").exit_code == 0
    told, killed = [], []

    def watch(event):
        told.append(event)
        if event["event"] == "done" and not killed:
            killed.append(int(event["worker"].split(":")[1]))
            os.kill(killed[0], signal.SIGKILL)

    plan = plan_of(tree, tmp_path / "there", settings)
    summary = run(plan, DaskPool(cluster.scheduler_address), events=watch)
    assert summary.is_complete and summary.done == 4
    assert [event["event"] for event in told].count("done") == 4
    assert content(tmp_path / "there" / "enhanced_signals") == content(tmp_path / "here" / "enhanced_signals")
    scores = ("evaluate", "--data", tree, "--songs", "Zo*", "--json", "--enhanced")
    address = ("--scheduler", cluster.scheduler_address)
    assert call(*scores, tmp_path / "here", "--csv", tmp_path / "here.csv", "--workers", 1).exit_code == 0
    result = call(*scores, tmp_path / "here", "--csv", tmp_path / "there.csv", *address)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "here.csv").read_bytes() == (tmp_path / "there.csv").read_bytes()


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda task, tmp: dataclasses.replace(task.place, root=tmp / "nowhere"), "does not see the data"),
        (lambda task, tmp: dataclasses.replace(task.place, folder=tmp / "nowhere"), "a disk that all workers share"),
    ],
)
def test_workers_that_lack_data_or_disk_say_so_at_once(cluster, tree, settings, tmp_path, break_it, words):
    plan = plan_of(tree, tmp_path / "a", settings)
    refuse(plan, lambda task: dataclasses.replace(task, place=break_it(task, tmp_path)), cluster, words)


def test_workers_without_the_weights_say_so_at_once(cluster, tree, settings, tmp_path):
    plan = plan_of(tree, tmp_path / "a", settings)
    lacking = lambda task: dataclasses.replace(task.source, system_id="umxhq")  # noqa: E731
    refuse(plan, lambda task: dataclasses.replace(task, source=lacking(task)), cluster, "cannot use the system 'umxhq'")


def test_workers_of_another_version_are_refused(cluster, tree, settings, tmp_path):
    plan = plan_of(tree, tmp_path / "a", settings)
    refuse(plan, lambda task: dataclasses.replace(task, version="0.0.1"), cluster, "Install the same there")


def refuse(plan, change, cluster, words):
    groups = [
        Group(one.song, one.seconds, None, tuple(Unit(unit.key, change(unit.task)) for unit in one.units))
        for one in plan.groups
    ]
    with distributed.Client(cluster.scheduler_address) as client:
        client.wait_for_workers(2, timeout=60)  # the one that a test before has killed is started again
    began = time.monotonic()
    with pytest.raises(CadenzaError, match=words) as caught:
        run(dataclasses.replace(plan, groups=tuple(groups)), DaskPool(cluster.scheduler_address))
    assert "None of the 2 workers" in str(caught.value)
    assert time.monotonic() - began < 30


def test_a_scheduler_that_is_not_there_is_a_sentence(tree, home, call, tmp_path, monkeypatch):
    monkeypatch.setattr("cadenza_core.challenge.cluster._PATIENCE", 1.0)
    for address, words in (("tcp://127.0.0.1:9", "no Dask scheduler at"), ("nonsense://x", "no Dask scheduler at")):
        call_ = ("enhance", "--data", tree, "--system", "reference", "--out", tmp_path / "a", "--scheduler", address)
        result = call(*call_, "--json")
        assert result.exit_code == 1
        assert words in lines(result)[-1]["error"]
        assert "Traceback" not in result.output


@pytest.mark.slow
def test_a_scheduler_that_goes_away_ends_the_run_and_what_is_done_stays(tree, home, settings, tmp_path, monkeypatch):
    monkeypatch.setattr("cadenza_core.challenge.cluster._PATIENCE", 5.0)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    file = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
    quiet = {"env": environment, "stderr": subprocess.DEVNULL}
    processes = [subprocess.Popen([*command, "--scheduler-file", str(file)], **quiet)]
    try:
        while not file.exists():
            assert processes[0].poll() is None
            time.sleep(0.05)
        address = recipe.read_json(file)["address"]
        command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny"]
        processes.append(subprocess.Popen([*command, "--no-dashboard", "--death-timeout", "5"], **quiet))
        with pytest.raises(CadenzaError, match="went away") as caught:
            run(
                plan_of(tree, tmp_path / "a", settings),
                DaskPool(address),
                events=lambda event: processes[0].kill() if event["event"] == "done" else None,
            )
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert "What was finished is kept" in str(caught.value)
    summary = run(plan_of(tree, tmp_path / "a", settings), LocalPool(1))
    assert summary.is_complete and summary.before >= 1
