"""Batches for PyTorch: padded, with lengths and metadata, and never more than one of them in memory."""

import gc
import weakref

import numpy as np
import pytest

from cadenza_core.errors import CadenzaError
from cadenza_core.intelligibility import loader
from cadenza_core.intelligibility.clips import ClipFolder, find_clips


def test_batches_carry_signals_lengths_and_metadata(make_clips, tmp_path):
    folder = find_clips(make_clips(tmp_path), "valid")
    batches = list(loader.clip_loader(folder, 4, unprocessed=True))
    assert [len(batch["metadata"]) for batch in batches] == [4, 2]
    first = batches[0]
    assert first["signals"].shape == (4, 2, 6090)
    assert first["lengths"].tolist() == [6000, 6030, 6060, 6090]
    assert first["unprocessed_lengths"].tolist() == [6000, 6040, 6080, 6120]
    for row, clip in enumerate(folder.clips[:4]):
        sound = folder.signal(clip).samples
        np.testing.assert_array_equal(first["signals"][row, :, : sound.shape[1]], sound)
        assert not first["signals"][row, :, sound.shape[1] :].any()
        assert first["metadata"][row]["signal"] == clip.signal
        assert first["metadata"][row]["hearing_loss"] == clip.severity
        assert first["metadata"][row]["notes"] == []


def test_of_1000_clips_no_more_than_a_batch_is_held(make_clips, tmp_path, monkeypatch):
    """Within a batch the next clip is read while the others wait to be padded; no clip outlives its batch."""
    folder = find_clips(make_clips(tmp_path, clips=1000, samples=400, one_file=True), "valid")
    alive: list[weakref.ref] = []
    most = 0
    read = ClipFolder.signal

    def watched(self, clip):
        nonlocal most
        sound = read(self, clip)
        alive[:] = [one for one in alive if one() is not None] + [weakref.ref(sound.samples)]
        most = max(most, len(alive))
        return sound

    monkeypatch.setattr(ClipFolder, "signal", watched)
    seen = 0
    for batch in loader.clip_loader(folder, 16):
        seen += len(batch["metadata"])
    assert seen == 1000
    assert most <= 16
    del batch
    gc.collect()
    assert not any(one() is not None for one in alive)


def test_a_missing_file_stops_with_a_sentence(make_clips, tmp_path):
    folder = find_clips(make_clips(tmp_path), "valid")
    folder.signal_path(folder.clips[3]).unlink()
    with pytest.raises(CadenzaError, match="no file"):
        list(loader.clip_loader(folder, 2))


def test_worker_processes_give_the_same(make_clips, tmp_path):
    folder = find_clips(make_clips(tmp_path), "valid")
    here, there = (list(loader.clip_loader(folder, 3, workers=workers)) for workers in (0, 1))
    for one, other in zip(here, there, strict=True):
        assert one["signals"].equal(other["signals"])
        assert one["metadata"] == other["metadata"]
