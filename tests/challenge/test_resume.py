"""Nothing is lost: runs that are killed, workers that die, disks that fill, and two runs that want the same folder."""

import contextlib
import json
import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from cadenza_core.challenge import RunFolder
from tests.challenge.conftest import lines
from tests.challenge.tree import make_tree


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def events(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


def assert_nothing_was_done_twice(folder: Path, pairs: int) -> None:
    told = events(folder)
    done = Counter(tuple(event["pair"]) for event in told if event["event"] == "done")
    assert len(done) == pairs
    assert set(done.values()) == {1}
    finished = set()
    for event in told:
        if event["event"] == "done":
            finished.add(tuple(event["pair"]))
        elif event["event"] == "begin":
            assert tuple(event["pair"]) not in finished


@pytest.fixture(scope="module")
def songs(tmp_path_factory) -> Path:
    """Two songs for three listeners, 0.5 s."""
    return make_tree(tmp_path_factory.mktemp("songs"), songs=2, people=3, seconds=0.5)


def kill_after(process, count: int) -> list[dict]:
    """Kill a command after so many pairs; give the events that it told of."""
    told = []
    for line in process.stdout:
        told.append(json.loads(line))
        if sum(event["event"] == "done" for event in told) >= count:
            break
    process.kill()
    process.wait()
    process.stdout.close()
    process.stderr.close()
    return told


def gone(pids: list[int]) -> bool:
    for _ in range(200):
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs SIGKILL")
def test_a_killed_run_goes_on_where_it_was_and_ends_with_the_same_bytes(songs, home, call, start, tmp_path):
    enhance = ("enhance", "--data", songs, "--system", "reference", "--workers", 2, "--json")
    assert call(*enhance, "--out", tmp_path / "whole").exit_code == 0
    out = tmp_path / "killed"
    for count in (2,):
        told = kill_after(start(*enhance, "--out", out), count)
        assert gone([int(event["worker"].split(":")[1]) for event in told if event.get("worker", "").count(":")])
    result = call(*enhance, "--out", out)
    assert result.exit_code == 0, result.output
    summary = lines(result)[-1]
    assert (summary["total"], summary["done"]) == (6, 6)
    assert summary["now"] <= 4
    assert_nothing_was_done_twice(out / "challenge", 6)
    assert content(out / "enhanced_signals") == content(tmp_path / "whole" / "enhanced_signals")
    score = ("evaluate", "--data", songs, "--songs", "Zo*", "--enhanced", out, "--workers", 2, "--json")
    assert call(*score, "--csv", tmp_path / "whole.csv").exit_code == 0
    kill_after(start(*score, "--csv", tmp_path / "killed.csv"), 1)
    assert call(*score, "--csv", tmp_path / "killed.csv").exit_code == 0
    assert_nothing_was_done_twice(tmp_path / "killed.challenge", 3)
    assert (tmp_path / "killed.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    left = [path for path in tmp_path.rglob("*") if ".partial" in path.name]
    assert left == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs SIGKILL")
def test_a_killed_workers_task_is_done_again_by_another(songs, home, call, start, tmp_path):
    process = start("enhance", "--data", songs, "--system", "reference", "--workers", 2, "--json", "--out", tmp_path)
    killed = 0
    told = []
    for line in process.stdout:
        told.append(json.loads(line))
        if told[-1]["event"] == "done" and killed < 2:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(told[-1]["worker"].split(":")[1]), signal.SIGKILL)
                killed += 1
    assert process.wait() == 0, process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    assert killed == 2
    assert told[-1]["event"] == "summary" and told[-1]["failed"] == []
    assert_nothing_was_done_twice(tmp_path / "challenge", 6)
    assert call("validate", tmp_path, "--data", songs, "--no-compare").exit_code == 0


def test_a_second_run_on_the_same_folder_is_refused_and_names_the_first(songs, home, call, tmp_path):
    enhance = ("enhance", "--data", songs, "--system", "reference", "--songs", "Zo*", "--out", tmp_path / "a")
    with RunFolder(tmp_path / "a" / "challenge").claim():
        result = call(*enhance)
    assert result.exit_code == 1
    assert f"Another run works in {tmp_path / 'a'} (process {os.getpid()} on " in " ".join(result.stderr.split())
    assert call(*enhance, "--workers", 1).exit_code == 0  # a lock that nobody holds is no hindrance


def test_a_torn_last_line_of_the_journal_is_cut_off(songs, home, call, tmp_path):
    enhance = ("enhance", "--data", songs, "--system", "reference", "--songs", "Zo*", "--out", tmp_path, "--workers", 1)
    assert call(*enhance).exit_code == 0
    journal = tmp_path / "challenge" / "journal.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"event": "done", "pair": ["Zo')
    result = call(*enhance, "--json")
    assert lines(result)[-1]["now"] == 0
    told = events(tmp_path / "challenge")  # each line is JSON again
    assert journal.read_bytes().startswith(whole)
    assert told[-1]["state"] == "complete"


def test_pairs_that_were_written_but_not_noted_are_found_and_not_written_again(songs, home, call, tmp_path):
    enhance = ("enhance", "--data", songs, "--system", "reference", "--songs", "Zo*", "--out", tmp_path, "--workers", 1)
    assert call(*enhance).exit_code == 0
    journal = tmp_path / "challenge" / "journal.jsonl"
    kept = [line for line in journal.read_text().splitlines(True) if '"done"' not in line]
    journal.write_text("".join(kept))
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.flac")}
    summary = lines(call(*enhance, "--json"))[-1]
    assert (summary["done"], summary["now"]) == (3, 0)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.flac")} == times
    before = content(tmp_path / "enhanced_signals")
    next((tmp_path / "enhanced_signals" / "L5001").rglob("*_right_bass.txt")).unlink()  # deleted by somebody since
    summary = lines(call(*enhance, "--json"))[-1]
    assert (summary["done"], summary["now"]) == (3, 1)
    assert "1 of 3 have changed since, or are gone; they are done again" in " ".join(summary["notes"])
    assert content(tmp_path / "enhanced_signals") == before


def test_what_failed_is_left_until_it_is_asked_for_again(songs, home, call, tmp_path):
    out = tmp_path / "a"
    chosen = ("--data", songs, "--songs", "Zo*", "--workers", 1)
    assert call("enhance", *chosen, "--system", "reference", "--out", out).exit_code == 0
    broken = next((out / "enhanced_signals" / "L5001").rglob("*_right_bass.flac"))
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    score = ("evaluate", *chosen, "--enhanced", out, "--csv", tmp_path / "s.csv")
    result = call(*score)
    assert result.exit_code == 1
    assert "2 of 3 pairs done" in result.stdout
    assert "right_bass.flac is cut off" in result.stderr
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 3  # what there is, is in the table
    broken.write_bytes(whole)
    again = lines(call(*score, "--json"))[-1]
    assert (again["now"], len(again["failed"])) == (0, 1)
    found = json.loads(call("status", tmp_path / "s.csv", "--json").stdout)
    assert (found["done"], found["left"], found["active"]) == (2, 0, False)
    assert "cut off" in found["failed"][0]["why"]
    retried = lines(call(*score, "--json", "--retry-failed"))[-1]
    assert (retried["now"], retried["failed"]) == (1, [])
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 4


def test_scores_of_files_that_were_changed_since_are_made_anew_and_it_is_said(songs, home, call, tmp_path):
    out = tmp_path / "a"
    chosen = ("--data", songs, "--songs", "Zo*", "--workers", 1)
    assert call("enhance", *chosen, "--system", "reference", "--out", out).exit_code == 0
    score = ("evaluate", *chosen, "--enhanced", out, "--csv", tmp_path / "s.csv")
    assert call(*score).exit_code == 0
    before = (tmp_path / "s.csv").read_text().splitlines()
    scale = next((out / "enhanced_signals" / "L5001").rglob("*_right_bass.txt"))
    scale.write_text("0.001")
    result = call(*score)
    assert result.exit_code == 0
    assert "1 of 3 have changed since, or are gone" in result.stderr
    after = (tmp_path / "s.csv").read_text().splitlines()
    assert [one == two for one, two in zip(before, after, strict=True)] == [True, True, False, True]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--system", "preview"), 'another system: "reference" then, "preview" now'),
        (("--system", "reference", "--compressor"), "another compressor"),
        (("--system", "reference", "--gain", "vocals=3"), "with other gains"),
    ],
)
def test_results_of_different_origin_are_not_mixed(songs, home, call, tmp_path, change, words):
    chosen = ("--data", songs, "--songs", "Zo*", "--listeners", "L5000", "--workers", 1, "--out", tmp_path)
    assert call("enhance", *chosen, "--system", "reference", "--gain", "vocals=1").exit_code == 0
    before = content(tmp_path / "enhanced_signals")
    options = change if "--gain" in change else (*change, "--gain", "vocals=1")
    result = call("enhance", *chosen, *options)
    assert result.exit_code == 1
    assert words in " ".join(result.stderr.split())
    assert content(tmp_path / "enhanced_signals") == before


def test_a_disk_that_is_too_small_is_said_before_any_work(songs, home, call, small_disk):
    result = call("enhance", "--data", songs, "--system", "reference", "--workers", 1, "--out", small_disk / "a")
    assert result.exit_code == 1
    assert "GB are free. Choose another disk" in " ".join(result.stderr.split())
    assert not list(small_disk.iterdir())


def test_a_disk_that_fills_while_a_run_goes_on_stops_it_once_and_not_for_each_pair(home, call, small_disk, tmp_path):
    out = small_disk / "a"
    chosen = ("--data", make_tree(tmp_path / "tree", songs=1, people=4, seconds=0.12), "--system", "reference")
    chosen = (*chosen, "--workers", 1, "--out", out, "--json")
    first = call("enhance", *chosen, "--listeners", "L5000")
    assert first.exit_code == 0, first.output
    result = call("enhance", *chosen)
    assert result.exit_code == 1
    assert "the disk is full" in lines(result)[-1]["error"]
    assert "Traceback" not in result.output
    told = (out / "challenge" / "journal.jsonl").read_text().splitlines()[:-1]  # the last one may be torn
    assert not any(json.loads(line)["event"] == "failed" for line in told)
    assert not [path for path in small_disk.rglob("*") if path.name.startswith(".partial")]


def test_a_read_only_target_is_a_sentence_before_any_work(home, call, unprivileged, monkeypatch):
    with unprivileged() as place:
        tree = make_tree(place / "tree", songs=1, people=1, seconds=0.1)
        (place / "out").mkdir(mode=0o500)
        monkeypatch.setenv("CADENZA_HOME", str(place / "home"))
        result = call("enhance", "--data", tree, "--system", "reference", "--out", place / "out", "--workers", 1)
        (place / "tree" / "audio").chmod(0o000)
        hidden = call("enhance", "--data", tree, "--system", "reference", "--out", place / "b", "--workers", 1)
    assert result.exit_code == hidden.exit_code == 1
    assert "permission was denied" in " ".join(result.stderr.split())
    assert "Permission denied" in " ".join(hidden.stderr.split())
