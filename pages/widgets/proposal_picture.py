"""A proposal at a glance: each stem's gain, and how much of it is heard before and after."""

from collections.abc import Iterator

from cadenza_core.remix import EARS
from cadenza_core.tuning import Proposal
from cadenza_core.tuning.objectives import percent

__all__ = ["STEM_COLOURS", "proposal_svg"]

#: As in the mixer (assets/mixer/mixer.css).
STEM_COLOURS = {"vocals": "#d55e00", "drums": "#0072b2", "bass": "#009e73", "other": "#cc79a7"}
#: The drawing, in its own units: where the shares' axis begins and ends.
_WIDTH, _ROW, _TOP, _FIRST, _LAST = 320, 30, 22, 128.0, 306.0


def proposal_svg(proposal: Proposal) -> str:
    """Draw it; no text in it comes from a user."""
    stems = list(proposal.audible_before)
    height = _TOP + _ROW * len(stems) + 18
    parts = [*_axis(height - 18)]
    for row, stem in enumerate(stems):
        parts += _stem(proposal, stem, _TOP + _ROW * (row + 0.5))
    told = "; ".join(reason.words for reason in proposal.reasons)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" fill="currentColor" font-size="11" '
        f'aria-label="{told}">{"".join(parts)}</svg>'
    )


def _x(share: float) -> float:
    return round(_FIRST + share * (_LAST - _FIRST), 1)


def _axis(bottom: float) -> Iterator[str]:
    yield '<text x="4" y="12" fill-opacity="0.8">gain</text>'
    yield f'<text x="{_FIRST}" y="12" fill-opacity="0.8">audible: ○ equal gains, ● proposal</text>'
    for share in (0.0, 0.5, 1.0):
        x = _x(share)
        yield f'<path d="M{x} {_TOP - 2}V{bottom}" stroke="currentColor" stroke-opacity="0.18"/>'
        yield f'<text x="{x}" y="{bottom + 13}" text-anchor="middle" font-size="9.5">{percent(share)}</text>'


def _stem(proposal: Proposal, stem: str, y: float) -> Iterator[str]:
    colour = STEM_COLOURS[stem]
    both = [f"{gain:+.1f}" if (gain := proposal.gains.decibels[stem, ear]) else "0" for ear in EARS]
    gains = both[0] if both[0] == both[1] else f"{both[0]} / {both[1]}"
    yield f'<rect x="4" y="{y - 9}" width="4" height="18" rx="2" fill="{colour}"/>'
    yield f'<text x="13" y="{y - 1}">{stem}</text>'
    yield f'<text x="13" y="{y + 11}" font-weight="600">{gains} dB</text>'
    before, after = (_x(share[stem]) for share in (proposal.audible_before, proposal.audible_after))
    words = f"{percent(proposal.audible_before[stem])} → {percent(proposal.audible_after[stem])}"
    yield f'<g><title>{words}</title><path d="M{before} {y}H{after}" stroke="{colour}" stroke-width="3"/>'
    yield f'<circle cx="{before}" cy="{y}" r="5" fill="none" stroke="{colour}" stroke-width="2"/>'
    yield f'<circle cx="{after}" cy="{y}" r="5.5" fill="{colour}"/></g>'
    anchor, shift = ("start", 9) if after < _x(0.8) and after >= before else ("end", -9)
    if after < before and after > _x(0.2):
        anchor, shift = "end", -9
    yield f'<text x="{after + shift}" y="{y - 7}" text-anchor="{anchor}" font-size="9.5">{words}</text>'
