"""The data set on disk: both layouts, and every fault by name."""

import json

import numpy as np
import pytest
import soundfile

from cadenza_core.errors import CadenzaError
from cadenza_core.intelligibility.clips import CODES, check_clips, find_clips, read_metadata

from .conftest import RATE, records

LAYOUTS = ("{root}/{split}", "{root}/audio/{split}")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("above", [False, True])
def test_both_layouts_are_found_from_the_folder_and_from_above(make_clips, tmp_path, layout, above):
    root = make_clips(tmp_path, ("train", "valid"), layout=layout)
    folder = find_clips(tmp_path if above else root, "valid")
    assert len(folder) == 6
    assert folder.clips[1].severity == "Mild"
    sound = folder.signal(folder.clips[1])
    assert (sound.rate, sound.samples.shape) == (RATE, (2, 6030))
    assert folder.unprocessed(folder.clips[1]).samples.shape == (2, 6040)
    assert check_clips(folder) == []


def test_the_real_metadata_is_read(shared_data):
    clips = read_metadata(shared_data / "clip1" / "train_metadata.json")
    assert len(clips) == 8802
    assert len({clip.song for clip in clips}) == 1158
    assert (clips[0].prompt, clips[0].response, clips[0].correctness) == ("cos you better hold on", "#", 0.0)


def test_metadata_without_answers_is_read(tmp_path):
    listed = [
        {k: v for k, v in r.items() if k not in {"response", "original_response", "correctness"}} for r in records(2)
    ]
    path = tmp_path / "valid_metadata.json"
    path.write_text(json.dumps(listed))
    assert [(clip.response, clip.correctness) for clip in read_metadata(path)] == [(None, None)] * 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda listed: [], "holds no records"),
        (lambda listed: {"a": 1}, "holds no records"),
        (lambda listed: [*listed, 5], "record 4: an object is wanted, not 5"),
        (lambda listed: [{**listed[0], "signal": None}], "'signal' must be a text"),
        (lambda listed: [{**listed[0], "signal": "../../etc/passwd"}], "cannot be used as a file name"),
        (lambda listed: [{**listed[0], "prompt": 7}], "'prompt' must be a text"),
        (lambda listed: [{"signal": "a", "prompt": "b"}], "'hearing_loss' must be a text"),
        (lambda listed: [listed[0], listed[0]], "is there twice"),
        (lambda listed: [{**listed[0], "correctness": 62.5}], "correctness must be a number from 0 to 1, not 62.5"),
        (lambda listed: [{**listed[0], "correctness": "all"}], "correctness must be a number from 0 to 1, not 'all'"),
    ],
)
def test_faulty_metadata_is_refused_with_a_sentence(tmp_path, change, words):
    path = tmp_path / "metadata.json"
    path.write_text(json.dumps(change(records(3))))
    with pytest.raises(CadenzaError) as error:
        read_metadata(path)
    assert words in str(error.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100000])
def test_metadata_that_is_no_json_is_refused(tmp_path, content):
    path = tmp_path / "metadata.json"
    path.write_bytes(content)
    with pytest.raises(CadenzaError, match="not a JSON text file"):
        read_metadata(path)


def test_a_missing_split_or_folder_is_said(make_clips, tmp_path):
    root = make_clips(tmp_path)
    with pytest.raises(CadenzaError, match=r"has no metadata/train_metadata\.json"):
        find_clips(root, "train")
    with pytest.raises(CadenzaError, match="cannot be used as a file name"):
        find_clips(root, "../valid")
    (root / "valid" / "signals").rename(root / "valid" / "elsewhere")
    with pytest.raises(CadenzaError, match="Unpack the audio of the split 'valid'"):
        find_clips(root, "valid")


def spoil(root, record, code):
    """Do to a data set what a fault is named for; give where it must be found."""
    heard = root / "valid" / "signals" / f"{record['signal']}.flac"
    clean = root / "valid" / "unprocessed" / f"{record['signal']}_unproc.flac"
    noise = 0.1 * np.random.default_rng(0).standard_normal((6000, 2))
    if code == "missing-audio":
        clean.unlink()
        heard.unlink()
        return f"signals/{heard.name}"
    if code == "missing-unprocessed":
        clean.unlink()
        return f"unprocessed/{clean.name}"
    if code == "stray-audio":
        soundfile.write(heard.with_name("other.flac"), noise, RATE)
        return "signals/other.flac"
    if code == "stray-unprocessed":
        soundfile.write(clean.with_name("lonely_unproc.flac"), noise, RATE)
        return "unprocessed/lonely_unproc.flac"
    if code == "unreadable":
        heard.write_bytes(heard.read_bytes()[:50])
    elif code == "sample-rate":
        soundfile.write(heard, noise, 16000)
    elif code == "channels":
        soundfile.write(heard, noise[:, 0], RATE)
    elif code == "length-differs":
        soundfile.write(heard, np.tile(noise, (6, 1)), RATE)
        return record["signal"]
    if code in {"unreadable", "sample-rate", "channels"}:
        return f"signals/{heard.name}"
    record |= {
        "empty-prompt": {"prompt": "..."},
        "unknown-severity": {"hearing_loss": "Profound"},
        "answer-scored": {"response": "", "original_response": "#", "correctness": 0.5},
    }[code]
    return record["signal"]


@pytest.mark.parametrize("code", CODES)
def test_every_fault_is_found_by_its_name(make_clips, tmp_path, code):
    root = make_clips(tmp_path)
    path = root / "metadata" / "valid_metadata.json"
    listed = json.loads(path.read_text())
    where = spoil(root, listed[2], code)
    path.write_text(json.dumps(listed))
    faults = check_clips(find_clips(root, "valid"))
    assert (where, code) in {(fault.where, fault.code) for fault in faults}
    allowed = {code} | ({"missing-unprocessed"} if code == "missing-audio" else set())
    assert {fault.code for fault in faults} <= allowed | ({"length-differs"} if code == "sample-rate" else set())


def test_no_answer_is_no_fault(make_clips, tmp_path):
    root = make_clips(tmp_path, clips=30)
    folder = find_clips(root, "valid")
    assert any(clip.response == "#" for clip in folder.clips)
    assert check_clips(folder) == []
