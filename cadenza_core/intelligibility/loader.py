"""CLIP1's clips as a PyTorch data set: read when they are asked for, padded to the longest of a batch."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from ..audio import Audio
from .clips import Clip, ClipFolder

__all__ = ["ClipDataset", "clip_loader", "collate"]


class ClipDataset(Dataset[dict[str, Any]]):
    """The clips of a split, each read at the moment it is asked for.

    Parameters
    ----------
    folder : ClipFolder
    unprocessed : bool
        Also read the signal without hearing loss.
    """

    def __init__(self, folder: ClipFolder, *, unprocessed: bool = False) -> None:
        self.folder = folder
        self._readers: dict[str, Callable[[Clip], Audio]] = {"signals": folder.signal}
        if unprocessed:
            self._readers["unprocessed"] = folder.unprocessed

    def __len__(self) -> int:
        return len(self.folder)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Give ``{"signals": (2, n) float32 at 44.1 kHz, "metadata": record with "notes" on what was changed}``.

        Raises
        ------
        CadenzaError
            If a file is missing or damaged.
        """
        clip = self.folder.clips[index]
        sounds = {name: read(clip) for name, read in self._readers.items()}
        notes = [f"{name}: {note}" for name, sound in sounds.items() for note in sound.notes]
        samples = {name: sound.samples for name, sound in sounds.items()}
        return {**samples, "metadata": {**clip.as_record(), "notes": notes}}


def collate(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Make a batch: sounds padded with zeros at the end.

    Returns
    -------
    dict
        ``signals`` (batch, 2, longest), float32; ``lengths`` (batch,), samples; ``metadata``, a list of records; with
        unprocessed signals also ``unprocessed`` and ``unprocessed_lengths``.
    """
    batch: dict[str, Any] = {"metadata": [item["metadata"] for item in items]}
    for name, lengths in (("signals", "lengths"), ("unprocessed", "unprocessed_lengths")):
        if name in items[0]:
            batch[name], batch[lengths] = _pad([item[name] for item in items])
    return batch


def _pad(sounds: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    lengths = [sound.shape[1] for sound in sounds]
    padded = torch.zeros(len(sounds), sounds[0].shape[0], max(lengths))
    for row, sound in zip(padded, sounds, strict=True):
        row[:, : sound.shape[1]] = torch.from_numpy(sound)
    return padded, torch.tensor(lengths)


def clip_loader(
    folder: ClipFolder, batch_size: int = 8, *, unprocessed: bool = False, shuffle: bool = False, workers: int = 0
) -> DataLoader[dict[str, Any]]:
    """Give batches of a split, each read when its turn comes: no more than a batch is held (with workers: two each).

    Parameters
    ----------
    folder : ClipFolder
    batch_size : int > 0
    unprocessed : bool
        Also the signals without hearing loss.
    shuffle : bool
        In an order drawn by PyTorch's generator.
    workers : int
        Processes that read ahead; 0: this one reads.
    """
    data = ClipDataset(folder, unprocessed=unprocessed)
    return DataLoader(data, batch_size, shuffle=shuffle, num_workers=workers, collate_fn=collate)
