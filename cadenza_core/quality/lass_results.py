"""What others published for language-queried separation, to stand beside one's own figures; never computed with."""

import functools
import importlib.resources
import json
from dataclasses import dataclass

__all__ = ["PublishedRow", "published_lass"]


@dataclass(frozen=True)
class PublishedRow:
    """One published result.

    Parameters
    ----------
    system, team, set, source, published : str
        ``set`` names the mixtures: figures of different sets cannot be compared.
    sdr, sdri, si_sdr : float or None
        dB.
    rel_ovl : float or None
        Mean of relevance and overall quality in the listening test, 1 to 5.
    """

    system: str
    team: str
    set: str
    source: str
    published: str
    sdr: float | None = None
    sdri: float | None = None
    si_sdr: float | None = None
    rel_ovl: float | None = None


@functools.cache
def published_lass() -> tuple[PublishedRow, ...]:
    """Give the published rows, DCASE 2024's first."""
    text = importlib.resources.files(__package__).joinpath("lass_results.json").read_text(encoding="utf-8")
    return tuple(PublishedRow(**row) for row in json.loads(text))
