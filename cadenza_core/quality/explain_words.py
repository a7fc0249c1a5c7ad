"""An explained score in sentences: what is said follows from the numbers, by the rules of this file alone."""

import numpy as np

from .explain import BEST, REGION_EDGES, HaaqiExplanation, Term

__all__ = ["headline", "hertz", "sentences", "where"]

#: A term that costs less than this is not spoken of.
_SMALL = 0.005
#: What costs less in all is as good as perfect: the true stems after the recipe's NAL-R lose 0.01, and the model's own
#: noise about as much.
_NEARLY = 0.03
#: A region of the spectrum is named if this share of the loss is in it.
_MOST = 0.6
#: Level differences of less are not spoken of, dB.
_AUDIBLE = 2.0

_MEANING = {
    "envelope": (
        "the spectrum does not change in time as the reference's does (agreement {value:.2f}), {where}{level}. Noise, "
        "remains of other stems, distortion, compression and missing parts do that."
    ),
    "fine structure": (
        "the basilar membrane does not move as with the reference (agreement {value:.2f}), {where}{level}. What is added "
        "to the sound or missing from it does that."
    ),
    "slope": "the long-term spectrum has another shape: it differs {where}{levels}. Filters and wrong gains do that.",
    "loudness": "the bands' shares of the loudness are not the reference's: they differ {where}.",
}


def hertz(frequency: float) -> str:
    """Write a frequency as people say it: ``450 Hz``, ``1.2 kHz``."""
    if frequency >= 1000:
        return f"{frequency / 1000:.2g} kHz"
    return f"{float(f'{frequency:.2g}'):.0f} Hz"


def where(losses: np.ndarray) -> str:
    """Say where in the spectrum a loss is: the shortest run of regions that holds three fifths of it.

    Parameters
    ----------
    losses : np.ndarray [shape=(8,)]
        By region; what is below 0 counts as nothing.
    """
    positive = np.maximum(np.nan_to_num(losses), 0.0)
    total = positive.sum()
    if total <= 0:
        return "nowhere in particular"
    count = len(positive)
    runs = [
        (stop - start, -positive[start:stop].sum(), start, stop)
        for start in range(count)
        for stop in range(start + 1, count + 1)
    ]
    length, _, start, stop = min(run for run in runs if -run[1] >= _MOST * total)
    if length > count - 3:
        return "all over the spectrum"
    if start == 0:
        return f"mostly below {hertz(REGION_EDGES[stop])}"
    if stop == count:
        return f"mostly above {hertz(REGION_EDGES[start])}"
    return f"mostly from {hertz(REGION_EDGES[start])} to {hertz(REGION_EDGES[stop])}"


def headline(explanation: HaaqiExplanation) -> str:
    """Say in one line what costs most."""
    lost = BEST - explanation.score
    if lost < _NEARLY:
        return f"{explanation.score:.3f}: next to nothing is lost."
    worst = explanation.by_loss[0]
    place = "" if np.isnan(worst.regions).any() else f", {where(worst.regions)}"
    return f"{explanation.score:.3f}: {worst.name} costs most, {100 * worst.lost / lost:.0f} % of what is lost{place}."


def sentences(explanation: HaaqiExplanation) -> tuple[str, ...]:
    """Explain a score: the headline, then each term that costs something, the costliest first."""
    lost = BEST - explanation.score
    spoken = [term for term in explanation.by_loss if term.lost >= _SMALL] if lost >= _NEARLY else []
    return (headline(explanation), *(_sentence(term, explanation) for term in spoken))


def _sentence(term: Term, explanation: HaaqiExplanation) -> str:
    unknown = bool(np.isnan(term.regions).any())
    place = "too short or too quiet to say where" if unknown else where(term.regions)
    level = "" if unknown else _level_there(term.regions, explanation.differences)
    levels = _levels(explanation.differences)
    words = _MEANING[term.name].format(value=term.value, where=place, level=level, levels=levels)
    return f"{term.name.capitalize()} costs {term.lost:.3f} ({term.if_perfect:.3f} if it were perfect): {words}"


def _level_there(losses: np.ndarray, differences: np.ndarray) -> str:
    """Say whether the sound is too weak or too strong where a term loses, on the average of what it loses."""
    weights = np.maximum(losses, 0.0)
    difference = float(np.sum(weights * differences) / weights.sum()) if weights.sum() > 0 else 0.0
    if not abs(difference) >= _AUDIBLE:
        return ""
    return f", where the sound is too {'weak' if difference < 0 else 'strong'} ({difference:+.0f} dB)"


def _levels(differences: np.ndarray) -> str:
    """Say what is too weak and too strong: the extreme runs of regions on either side."""
    said = []
    for sign, word in ((-1, "too weak"), (1, "too strong")):
        signed = sign * differences
        peak = int(np.argmax(signed)) if not np.isnan(signed).any() else -1
        if peak < 0 or signed[peak] < _AUDIBLE:
            continue
        start = stop = peak
        while start > 0 and signed[start - 1] >= signed[peak] / 2:
            start -= 1
        while stop < len(signed) - 1 and signed[stop + 1] >= signed[peak] / 2:
            stop += 1
        mean = float(differences[start : stop + 1].mean())
        said.append(f"{word} {_range(start, stop + 1)} ({mean:+.0f} dB)")
    return f"; {', '.join(said)}" if said else ""


def _range(start: int, stop: int) -> str:
    if start == 0 and stop == len(REGION_EDGES) - 1:
        return "everywhere"
    if start == 0:
        return f"below {hertz(REGION_EDGES[stop])}"
    if stop == len(REGION_EDGES) - 1:
        return f"above {hertz(REGION_EDGES[start])}"
    return f"from {hertz(REGION_EDGES[start])} to {hertz(REGION_EDGES[stop])}"
