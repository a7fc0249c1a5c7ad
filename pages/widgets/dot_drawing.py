"""Values with their intervals, drawn by the page itself: a chart library of megabytes would keep it waiting."""

import html
import math

from cadenza_core.analysis.dots import Dot, DotPlot

from .drawing import drawing

__all__ = ["dot_drawing", "dots_html"]

#: Names, and the track that all values lie on; places along it are percentages.
_STYLE = """<style>
.dots { display: grid; grid-template-columns: max-content 1fr; gap: 0 0.8rem; font-size: 0.85rem; padding-right: 1.2rem; }
.dots > .name { text-align: right; line-height: 1.6rem; white-space: nowrap; }
.dots > .track { position: relative; border-bottom: 1px solid color-mix(in srgb, currentcolor 9%, transparent); }
.dots .track:hover { background: color-mix(in srgb, currentcolor 6%, transparent); }
.dots i { position: absolute; }
.dots .line { top: 0; bottom: -1px; width: 1px; background: color-mix(in srgb, currentcolor 14%, transparent); }
.dots .zero { background: color-mix(in srgb, currentcolor 60%, transparent); }
.dots .bar { top: 50%; height: 0; border-top: 1.5px solid #7d8a99; }
.dots .bar::before, .dots .bar::after { content: ""; position: absolute; top: -5px; height: 8px; }
.dots .bar::before, .dots .bar::after { border-left: 1.5px solid #7d8a99; }
.dots .bar::after { right: 0; }
.dots .mark { width: 10px; height: 10px; border-radius: 50%; box-sizing: border-box; }
.dots .track .mark { top: calc(50% - 5px); margin-left: -5px; }
.dots .hollow { border-radius: 0; border: 2px solid; background: none !important; transform: rotate(45deg) scale(0.85); }
.dots .ticks { position: relative; height: 1.4rem; font-variant-numeric: tabular-nums; }
.dots .ticks span { position: absolute; transform: translateX(-50%); }
.dots .kinds, .dots .title { grid-column: 2; }
.dots .kinds span { margin-right: 1.2rem; }
.dots .kinds .mark { position: static; display: inline-block; margin-right: 0.4rem; }
.dots .title { text-align: center; padding-bottom: 0.4rem; }
</style>"""
_TICKS = 6


def dot_drawing(plot: DotPlot, key: str) -> None:
    """Show it."""
    drawing(dots_html(plot), key=key)


def dots_html(plot: DotPlot) -> str:
    """Draw it as HTML; names are text in it, whatever they are."""
    ends = [number for dot in plot.dots for number in (dot.value, dot.low, dot.high) if math.isfinite(number)]
    ends += [0.0] if plot.has_zero or not ends else []
    room = 0.04 * (max(ends) - min(ends)) or 0.5 * abs(ends[0]) or 1.0
    first, last = min(ends) - room, max(ends) + room
    ticks = _ticks(first, last)

    def at(value: float) -> str:
        return f"left:{100 * (value - first) / (last - first):.3f}%"

    behind = "".join(f'<i class="line" style="{at(tick)}"></i>' for tick, _ in ticks)
    behind += f'<i class="line zero" style="{at(0.0)}"></i>' if plot.has_zero else ""
    marks = [_mark(kind.colour, kind.is_hollow, "{}") for kind in plot.kinds]

    def row(dot: Dot) -> str:
        bar = ""
        if math.isfinite(dot.low) and math.isfinite(dot.high):
            bar = f'<i class="bar" style="{at(dot.low)};width:{100 * (dot.high - dot.low) / (last - first):.3f}%"></i>'
        told = html.escape("\n".join((html.unescape(dot.label), *dot.words)))
        return (
            f'<div class="name">{dot.label}</div><div class="track" title="{told}">'
            f"{behind}{bar}{marks[dot.kind].format(at(dot.value))}</div>"
        )

    used = sorted({dot.kind for dot in plot.dots})
    kinds = "".join(f"<span>{marks[number].format('')}{plot.kinds[number].name}</span>" for number in used)
    numbers = "".join(f'<span style="{at(tick)}">{words}</span>' for tick, words in ticks)
    return (
        f'{_STYLE}<div class="dots" role="img" aria-label="{html.escape(plot.title)}; the table has the numbers">'
        f'<div class="kinds">{kinds}</div>{"".join(map(row, plot.dots))}'
        f'<div></div><div class="ticks">{numbers}</div><div class="title">{html.escape(plot.title)}</div></div>'
    )


def _mark(colour: str, is_hollow: bool, place: str) -> str:
    return f'<i class="mark{" hollow" if is_hollow else ""}" style="background:{colour};color:{colour};{place}"></i>'


def _ticks(first: float, last: float) -> list[tuple[float, str]]:
    """Give round numbers between the ends, with their text."""
    rough = (last - first) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return [
        (number * step, f"{number * step:.{digits}f}")
        for number in range(math.ceil(first / step), math.floor(last / step) + 1)
    ]
