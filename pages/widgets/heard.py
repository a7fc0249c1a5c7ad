"""What a recogniser heard of a line: its words with right, wrong, missed and added ones marked, by more than colour."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from cadenza_core.errors import CadenzaError
from cadenza_core.intelligibility.calibration import BASELINES
from cadenza_core.intelligibility.lines import RENDERINGS, better_ear
from cadenza_core.intelligibility.recognisers import Transcript
from cadenza_core.intelligibility.words import Alignment, Step

from .messages import plain
from .services import services

if TYPE_CHECKING:
    from .lyrics import Heard

__all__ = ["heard_cards", "marked"]

_STYLE = """
<style>
.heard { line-height: 2; font-size: 1.02rem; }
.heard span { padding: .1rem .3rem; margin-right: .15rem; border-radius: .25rem; white-space: nowrap; }
.heard .hit { background: light-dark(#d3efe3, #0e4a38); }
.heard .wrong { background: light-dark(#fbdcc9, #5b2b0e); }
.heard .missed { text-decoration: line-through; color: light-dark(#8a3b0c, #f2a477); }
.heard .extra { font-style: italic; color: light-dark(#4c5866, #aeb8c4); }
.heard small { opacity: .85; }
.heard audio { height: 2rem; width: 100%; margin-top: .3rem; }
</style>
"""
_LEGEND = (
    '<div class="heard"><span class="hit">right</span><span class="wrong"><s>lyric</s> heard</span>'
    '<span class="missed">missed</span><span class="extra">+added</span></div>'
)


def heard_cards(line: str, heard: Sequence["Heard"], recogniser: str) -> None:
    """Show a card for each rendering that was heard, with the words of the better ear."""
    if not heard:
        return
    if line.strip():
        st.html(_STYLE + _LEGEND)
    else:
        st.html(_STYLE)
        st.caption("Type the lyric line above to see which words are right.")
    found = {name: ears for one in heard for name, ears in one.transcripts.items()}
    sets = {name: one.sounds for one in heard for name in one.transcripts}
    columns = st.columns(2)
    for number, (name, title) in enumerate(RENDERINGS.items()):
        if name in found:
            with columns[0 if name.startswith("mixture") else 1], st.container(border=True):
                _card(title, line, found[name], recogniser, _url(sets[name], name), number)


def _url(set_id: str, name: str) -> str:
    sounds = services().sounds.get(set_id)
    return f"/audio/{set_id}/{sounds.sounds[name].file}" if sounds else ""


def _card(title: str, line: str, ears: dict[str, Transcript], recogniser: str, url: str, number: int) -> None:
    st.markdown(f"**{title}**")
    text, share = "", ""
    if line.strip():
        try:
            ear, alignment = better_ear(ears, line)
        except CadenzaError as error:
            st.caption(plain(str(error)))
            alignment = None
        if alignment is not None:
            same = ears["left"] == ears["right"]
            share = f"{alignment.hits} of {alignment.words} words, {'both ears' if same else f'the {ear} ear'}"
            text = marked(alignment)
            if recogniser == "whisper-base.en":
                percent = float(BASELINES["whisper.mixture"]([alignment.correctness])[0])
                share += f"; CLIP1's calibration makes it {percent:.0f} % for listeners"
    if not text:
        text = "<br>".join(f"<small>{ear}:</small> {escape(ears[ear].text) or '<em>nothing</em>'}" for ear in ears)
    player = f'<audio controls preload="none" src="{escape(url)}"></audio>' if url else ""
    st.html(f'<div class="heard">{text}{player}</div>')
    if share:
        st.caption(share)


def marked(alignment: Alignment) -> str:
    """Give an alignment as HTML; what was sung and heard is escaped."""
    return " ".join(map(_word, alignment.steps))


def _word(step: Step) -> str:
    prompt, answer = escape(step.prompt.lower()), escape(step.answer.lower())
    shown = {
        "hit": prompt,
        "wrong": f"<s>{prompt}</s> {answer}",
        "missed": prompt,
        "extra": f"+{answer}",
    }[step.kind]
    return f'<span class="{step.kind}" title="{step.kind}">{shown}</span>'
