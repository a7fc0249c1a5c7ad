"""Why a score is what it is: what each of HAAQI's terms and each part of the spectrum costs, as a picture and in words."""

from collections.abc import Iterator, Mapping

import numpy as np
import streamlit as st

from cadenza_core.audio import STEMS
from cadenza_core.quality import HaaqiExplanation, sentences
from cadenza_core.quality.explain import BEST, REGION_EDGES
from cadenza_core.quality.explain_words import hertz
from cadenza_core.remix import EARS

from .drawing import drawing
from .messages import plain

__all__ = ["why_panel", "why_svg"]

#: Okabe and Ito's colours that no stem has, a violet and a grey, in the terms' order.
_COLOURS = {"envelope": "#56b4e9", "fine structure": "#e69f00", "slope": "#8c6bb1", "loudness": "#8a8f98"}
_SCORE = "#3f8f5b"
#: The drawing, in its own units.
_WIDTH, _HEIGHT = 320, 236
_LEFT, _RIGHT, _TOP, _BOTTOM = 30.0, 311.0, 84.0, 196.0


def why_panel(explanations: Mapping[str, HaaqiExplanation]) -> None:
    """Let one of the scores be picked and explain it; made only while it is open."""
    place = st.expander("Why this score?", key="why", icon=":material/help:", on_change="rerun")
    if not (explanations and place.open):
        return
    with place:
        names = [key for stem in ("remix", *STEMS) for ear in EARS if (key := f"{ear}_{stem}") in explanations]
        worst = min(names, key=lambda key: explanations[key].score)
        picked = st.selectbox(
            "Score of",
            names,
            index=names.index(worst),
            format_func=lambda key: _title(key, explanations[key]),
            key="why_of",
        )
        explanation = explanations[picked]
        drawing(why_svg(explanation), key="why_picture")
        for sentence in sentences(explanation):
            st.caption(plain(sentence))


def _title(key: str, explanation: HaaqiExplanation) -> str:
    ear, _, stem = key.partition("_")
    return f"{stem.capitalize()}, {ear} ear: {explanation.score:.3f}"


def why_svg(explanation: HaaqiExplanation) -> str:
    """Draw a score: what is left and what each term takes, and the same over frequency."""
    parts = [*_whole(explanation), *_legend(explanation), *_spectrum(explanation)]
    told = "; ".join(f"{term.name} costs {term.lost:.3f}" for term in explanation.terms)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" fill="currentColor" font-size="10.5" '
        f'aria-label="Score {explanation.score:.3f}; {told}.">{"".join(parts)}</svg>'
    )


def _whole(explanation: HaaqiExplanation) -> Iterator[str]:
    """Draw one bar from 0 to the best score."""
    pieces = [("score", explanation.score, _SCORE)]
    pieces += [(f"lost to {term.name}", term.lost, _COLOURS[term.name]) for term in explanation.terms]
    x = 4.0
    for name, value, colour in pieces:
        width = max(0.0, value) / BEST * (_RIGHT - 4.0)
        told = f"<title>{name}: {value:.3f}</title>"
        yield f'<rect x="{x:.1f}" y="4" width="{width:.1f}" height="16" fill="{colour}">{told}</rect>'
        x += width


def _legend(explanation: HaaqiExplanation) -> Iterator[str]:
    items = [(_SCORE, f"score {explanation.score:.3f}")]
    items += [(_COLOURS[term.name], f"{term.name} -{term.lost:.3f}") for term in explanation.terms]
    for number, (colour, words) in enumerate(items):
        x, y = 4 + 104 * (number % 3), 30 + 15 * (number // 3)
        yield f'<rect x="{x}" y="{y}" width="9" height="9" fill="{colour}"/>'
        yield f'<text x="{x + 13}" y="{y + 8.5}">{words}</text>'


def _spectrum(explanation: HaaqiExplanation) -> Iterator[str]:
    """Draw the losses by region, stacked; below, how much too weak or strong the sound is there."""
    losses = np.array([np.nan_to_num(term.regions) for term in explanation.terms]).clip(min=0.0)
    top = max(0.01, float(losses.sum(axis=0).max()))
    width = (_RIGHT - _LEFT) / losses.shape[1]
    words = "lost, by frequency (Hz); below: level against the reference, dB"
    yield f'<text x="4" y="{_TOP - 8}" fill-opacity="0.8">{words}</text>'
    for share in (0.0, 0.5, 1.0):
        y = _BOTTOM - share * (_BOTTOM - _TOP)
        yield f'<path d="M{_LEFT} {y:.1f}H{_RIGHT}" stroke="currentColor" stroke-opacity="0.18"/>'
        yield f'<text x="{_LEFT - 4}" y="{y + 3.5:.1f}" text-anchor="end" font-size="9.5">{share * top:.2f}</text>'
    for column in range(losses.shape[1]):
        y = _BOTTOM
        for term, value in zip(explanation.terms, losses[:, column], strict=True):
            height = value / top * (_BOTTOM - _TOP)
            y -= height
            yield (
                f'<rect x="{_LEFT + column * width + 2:.1f}" y="{y:.1f}" width="{width - 4:.1f}" height="{height:.1f}" '
                f'fill="{_COLOURS[term.name]}"><title>{term.name}: {value:.3f}</title></rect>'
            )
    for column, edge in enumerate(REGION_EDGES):
        x, name = _LEFT + column * width, hertz(edge).removesuffix(" Hz").replace(" kHz", "k")
        yield f'<text x="{x:.1f}" y="{_BOTTOM + 13}" text-anchor="middle" font-size="9.5">{name}</text>'
    yield f'<text x="4" y="{_BOTTOM + 34}" font-size="9.5">dB</text>'
    for column, difference in enumerate(explanation.differences):
        if not np.isnan(difference):
            x = _LEFT + (column + 0.5) * width
            strong = ' font-weight="700"' if abs(difference) >= 2 else ' fill-opacity="0.75"'
            place = f'x="{x:.1f}" y="{_BOTTOM + 34}" text-anchor="middle" font-size="9.5"'
            yield f"<text {place}{strong}>{difference:+.0f}</text>"
