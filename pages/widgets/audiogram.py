"""An audiogram drawn the clinical way: log frequency, dB HL downwards, right O and red, left X and blue, severity bands.

It is plain SVG: the chart library of the other pages is five megabytes of script, which the first sound would wait for.
"""

import math
from collections.abc import Iterator

from clarity.utils.audiogram import Audiogram, Listener

from cadenza_core.catalog import pure_tone_average
from cadenza_core.hearing.severity import BANDS, severity

__all__ = ["GEOMETRY", "audiogram_frame", "audiogram_svg", "audiogram_text"]

_TICKS = (125, 250, 500, 1000, 2000, 4000, 8000)
_LOWEST, _HIGHEST = -10.0, 120.0
_FIRST_HZ, _LAST_HZ = 100.0, 10000.0
#: The drawing, in its own units: width, height, and the plot's left, top, right, bottom.
_WIDTH, _HEIGHT = 320, 212
_LEFT, _TOP, _RIGHT, _BOTTOM = 30, 22, 316, 192
#: The same for those who draw into :func:`audiogram_frame`.
GEOMETRY = {
    "width": _WIDTH,
    "height": _HEIGHT,
    "left": _LEFT,
    "top": _TOP,
    "right": _RIGHT,
    "bottom": _BOTTOM,
    "hertz": [_FIRST_HZ, _LAST_HZ],
    "levelRange": [_LOWEST, _HIGHEST],
}
#: Colours of the ears, readable on light and dark.
_RED, _BLUE = "#d9443e", "#3a82de"


def audiogram_text(listener: Listener) -> str:
    """Say the same in words: the average of each ear and its grade."""
    right, left = (pure_tone_average(ear) for ear in (listener.audiogram_right, listener.audiogram_left))
    if right == left:
        return f"Both ears: {right:.0f} dB HL on average ({severity(right)})"
    return f"Right {right:.0f} dB HL ({severity(right)}), left {left:.0f} dB HL ({severity(left)})"


def audiogram_svg(listener: Listener) -> str:
    """Draw both ears; no text in it comes from a user."""
    parts = [audiogram_frame()]
    parts += _ear(listener.audiogram_right, _RED, "O")
    parts += _ear(listener.audiogram_left, _BLUE, "X")
    style = "width:100%;height:auto;display:block;font-size:11px"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" style="{style}" role="img" fill="currentColor" '
        f'aria-label="Audiogram. {audiogram_text(listener)}.">{"".join(parts)}</svg>'
    )


def audiogram_frame() -> str:
    """Draw what stands behind the points: severity bands, axes, legend; the inside of an SVG of our `GEOMETRY`."""
    return "".join([*_bands(), *_axes(), *_legend()])


def _x(hertz: float) -> float:
    share = math.log(hertz / _FIRST_HZ) / math.log(_LAST_HZ / _FIRST_HZ)
    return round(_LEFT + share * (_RIGHT - _LEFT), 1)


def _y(level: float) -> float:
    return round(_TOP + (level - _LOWEST) / (_HIGHEST - _LOWEST) * (_BOTTOM - _TOP), 1)


def _bands() -> Iterator[str]:
    low = _LOWEST
    for index, (name, limit) in enumerate(BANDS):
        top, bottom = _y(low), _y(limit)
        yield (
            f'<rect x="{_LEFT}" y="{top}" width="{_RIGHT - _LEFT}" height="{bottom - top:.1f}" '
            f'fill="#7d8a99" fill-opacity="{0.06 + 0.06 * index:.2f}"/>'
            f'<text x="{_LEFT + 4}" y="{bottom - 4:.1f}" font-size="9.5" fill-opacity="0.8">{name}</text>'
        )
        low = limit


def _axes() -> Iterator[str]:
    for level in range(0, 121, 20):
        y = _y(level)
        yield f'<path d="M{_LEFT} {y}H{_RIGHT}" stroke="currentColor" stroke-opacity="0.18"/>'
        yield f'<text x="{_LEFT - 5}" y="{y + 4}" text-anchor="end">{level}</text>'
    for hertz in _TICKS:
        name = f"{hertz / 1000:g}k" if hertz >= 1000 else str(hertz)
        yield f'<path d="M{_x(hertz)} {_TOP}V{_BOTTOM}" stroke="currentColor" stroke-opacity="0.1"/>'
        yield f'<text x="{_x(hertz)}" y="{_BOTTOM + 15}" text-anchor="middle">{name}</text>'


def _legend() -> Iterator[str]:
    for x, name, colour, symbol in ((_LEFT + 6, "right", _RED, "O"), (_LEFT + 66, "left", _BLUE, "X")):
        yield _symbol(x, 11, colour, symbol) + f'<text x="{x + 9}" y="15">{name}</text>'
    yield f'<text x="{_RIGHT}" y="15" text-anchor="end" fill-opacity="0.8">dB HL over Hz</text>'


def _ear(ear: Audiogram, colour: str, symbol: str) -> Iterator[str]:
    pairs = zip(ear.frequencies.tolist(), ear.levels.tolist(), strict=True)
    points = [(_x(hertz), _y(level)) for hertz, level in pairs if _FIRST_HZ <= hertz <= _LAST_HZ]
    line = " ".join(f"{x},{y}" for x, y in points)
    dash = ' stroke-dasharray="5 3"' if symbol == "X" else ""
    yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>'
    yield from (_symbol(x, y, colour, symbol) for x, y in points)


def _symbol(x: float, y: float, colour: str, symbol: str) -> str:
    if symbol == "O":
        return f'<circle cx="{x}" cy="{y}" r="4.5" fill="none" stroke="{colour}" stroke-width="1.8"/>'
    return f'<path d="M{x - 3.6} {y - 3.6}l7.2 7.2m0-7.2l-7.2 7.2" stroke="{colour}" stroke-width="1.8" fill="none"/>'
