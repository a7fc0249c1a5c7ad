"""Why a HAAQI score is what it is: what each of its terms and each part of the spectrum costs, in numbers and words.

HAAQI (Kates & Arehart 2016, IEEE/ACM TASLP 24(2), 354-365, version 1) is made of four terms, each 1 if perfect:

- *envelope*: the cepstral correlation, how the spectrum changes in time, 20 to 125 Hz;
- *fine structure*: the basilar membrane's synchrony;
- *loudness* and *slope*: the difference of the long-term spectra, as shares of the loudness and relative to each other.

``nonlinear = 0.754 envelope^3 + 0.246 fine structure``, ``linear = 0.329 loudness + 0.671 slope`` and
``score = 0.336 nonlinear + 0.501 nonlinear^2 + 0.001 linear + 0.161 linear^2``: at most 0.999.

What is lost to a term
    The nonlinear and the linear part do not meet in the score, so what each loses is exact. Within a part, the loss is
    divided in proportion to what the terms lack of it. As the part enters as a quadratic, that is each term's Shapley
    value: the mean of mending it first and mending it last. The losses and the score sum to 0.999.
What is lost in a region (an eighth of the 32 auditory bands)
    Fine structure is an average over bands, so a band's share is exact. Envelope: the Shapley value of replacing the
    region's envelopes by the reference's own (:func:`.haaqi_features.cepstral_losses`). Loudness and slope are standard
    deviations over the bands; a band's share is its share of the variance.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import CadenzaError
from .haaqi_constants import BANDS, CENTER_FREQUENCIES
from .haaqi_features import REGIONS
from .haaqi_model import HaaqiParts

__all__ = ["BEST", "REGION_EDGES", "TERMS", "HaaqiExplanation", "Term", "explain_haaqi"]

#: The highest score: its coefficients' sum.
BEST = 0.999
#: The terms, as they are called here, in the order of their weight.
TERMS = ("envelope", "fine structure", "slope", "loudness")

_EACH = BANDS // REGIONS
_INNER = np.sqrt(CENTER_FREQUENCIES[_EACH - 1 : -1 : _EACH] * CENTER_FREQUENCIES[_EACH::_EACH])
#: Edges of the regions, Hz: between the bands on either side. The ear model reaches from 80 to 8000 Hz.
REGION_EDGES: tuple[float, ...] = (80.0, *(float(edge) for edge in _INNER), 8000.0)


@dataclass(frozen=True, eq=False)
class Term:
    """One of the four terms of a score.

    Parameters
    ----------
    name : str
        One of :data:`TERMS`.
    value : float
        1 is perfect, 0 is bad.
    lost : float
        What it takes from the score.
    if_perfect : float
        The score, were this term 1 and the others as they are.
    regions : np.ndarray [shape=(8,)]
        `lost`, divided among the regions; NaN where the signals are too short or too quiet to tell.
    """

    name: str
    value: float
    lost: float
    if_perfect: float
    regions: np.ndarray


@dataclass(frozen=True, eq=False)
class HaaqiExplanation:
    """What a score consists of.

    Parameters
    ----------
    score : float
        `score` and all `lost` sum to :data:`BEST`.
    terms : tuple of Term
        In the order of :data:`TERMS`.
    differences : np.ndarray [shape=(8,)]
        Mean level of the regions' bands in the impaired ear (dB above threshold), processed less reference, both made
        equally loud: negative where the processed signal is too weak.
    """

    score: float
    terms: tuple[Term, ...]
    differences: np.ndarray

    @property
    def by_loss(self) -> tuple[Term, ...]:
        """The terms, what costs most first."""
        return tuple(sorted(self.terms, key=lambda term: -term.lost))

    @property
    def regions(self) -> np.ndarray:
        """What is lost in each region by all terms that can tell: shape (8,)."""
        known = np.array([term.regions for term in self.terms])
        return np.where(np.isnan(known).all(axis=0), np.nan, np.nansum(known, axis=0))

    def term(self, name: str) -> Term:
        """Give the term of a name."""
        return next(term for term in self.terms if term.name == name)

    def as_dict(self) -> dict[str, object]:
        """Give all of it as plain numbers for JSON, with the sentences; None stands for what cannot be told."""
        from .explain_words import sentences

        terms = {
            term.name: {
                "value": term.value,
                "lost": term.lost,
                "score_if_perfect": term.if_perfect,
                "lost_by_region": _plain(term.regions),
            }
            for term in self.terms
        }
        return {
            "score": self.score,
            "terms": terms,
            "region_edges_hz": [round(edge, 1) for edge in REGION_EDGES],
            "level_difference_db": _plain(self.differences),
            "words": list(sentences(self)),
        }


def _plain(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


def explain_haaqi(parts: HaaqiParts) -> HaaqiExplanation:
    """Explain a score from its parts.

    Parameters
    ----------
    parts : HaaqiParts
        Of :func:`.haaqi_parts`, `detailed`; without that, the envelope's regions are NaN.

    Raises
    ------
    CadenzaError
        If there is nothing to explain: the reference is empty, or so quiet for this ear that there is no score.
    """
    values = {
        "envelope": parts.cepstral_correlation,
        "fine structure": parts.synchrony,
        "slope": parts.slope,
        "loudness": parts.loudness,
    }
    if not np.isfinite([parts.score, *values.values()]).all():
        raise CadenzaError("This score cannot be explained: the reference is empty or inaudible for this ear.")
    shares = _region_shares(parts)
    losses = _losses(values)
    terms = tuple(
        Term(name, values[name], losses[name], _score({**values, name: 1.0}), losses[name] * shares[name])
        for name in TERMS
    )
    return HaaqiExplanation(parts.score, terms, _differences(parts.slope_bands))


def _parts(values: Mapping[str, float]) -> tuple[float, float]:
    nonlinear = 0.754 * values["envelope"] ** 3 + 0.246 * values["fine structure"]
    return nonlinear, 0.329 * values["loudness"] + 0.671 * values["slope"]


def _score(values: Mapping[str, float]) -> float:
    nonlinear, linear = _parts(values)
    return 0.336 * nonlinear + 0.001 * linear + 0.501 * nonlinear**2 + 0.161 * linear**2


def _losses(values: Mapping[str, float]) -> dict[str, float]:
    nonlinear, linear = _parts(values)
    # (f(1) - f(p)) / (1 - p) for a part p and its quadratic f
    per_nonlinear = 0.336 + 0.501 * (1 + nonlinear)
    per_linear = 0.001 + 0.161 * (1 + linear)
    return {
        "envelope": 0.754 * (1 - values["envelope"] ** 3) * per_nonlinear,
        "fine structure": 0.246 * (1 - values["fine structure"]) * per_nonlinear,
        "slope": 0.671 * (1 - values["slope"]) * per_linear,
        "loudness": 0.329 * (1 - values["loudness"]) * per_linear,
    }


def _region_shares(parts: HaaqiParts) -> dict[str, np.ndarray]:
    """Give the share of each region in each term's loss; a term's shares sum to 1, or are all 0 where nothing is lost."""
    weights = parts.synchrony_weights
    synchrony = np.where(weights > 0, weights * (1 - np.nan_to_num(parts.synchrony_bands)), weights)
    return {
        "envelope": _shares(parts.cepstral_losses),
        "fine structure": _shares(_by_region(synchrony)),
        "slope": _shares(_by_region((parts.slope_bands - parts.slope_bands.mean()) ** 2)),
        "loudness": _shares(_by_region((parts.loudness_bands - parts.loudness_bands.mean()) ** 2)),
    }


def _by_region(bands: np.ndarray) -> np.ndarray:
    return bands.reshape(REGIONS, _EACH).sum(axis=1)


def _shares(losses: np.ndarray) -> np.ndarray:
    total = losses.sum()
    return losses / total if not abs(total) < 1e-12 else np.zeros(REGIONS)


def _differences(slope: np.ndarray) -> np.ndarray:
    """Give the level differences by region from HAAQI's relative differences ``(x - y) / (x + y)`` by band, dB."""
    ratio = (1 - slope) / (1 + slope)
    return 20 * np.log10(ratio).reshape(REGIONS, _EACH).mean(axis=1)
