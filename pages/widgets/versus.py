"""Remixes side by side: which ones, how they sound, what they are made of, what they score."""

import time
from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from cadenza_core.analysis.figures import spectra_figure
from cadenza_core.analysis.remixes import (
    MOST,
    Comparison,
    RemixChoice,
    choice_key,
    compare_remixes,
    from_gains,
)
from cadenza_core.audio import STEMS
from cadenza_core.errors import CadenzaError
from cadenza_core.progress import Progress
from cadenza_core.remix import EARS, Lane, MixSettings
from cadenza_core.separation import get_system, systems
from cadenza_core.store.records import remixes

from .files_out import files_out
from .jobs import ask, follow, is_stopped
from .messages import plain
from .player import player
from .scored import kept
from .selection import Selection, settings_of
from .services import HAAQI_READY, services

__all__ = ["versus"]

#: Longest excerpt that is scored here, s: longer ones are compared by ear and by their levels.
SCORED_SECONDS = 60.0
_CONFIG = {"displaylogo": False}


def versus(selection: Selection) -> None:
    """Show the choice, the player, and what is to be seen of the remixes."""
    options = _options(selection)
    names = list(options)
    which, how = st.columns([5, 1.5], vertical_alignment="bottom")
    place = f"{selection.song.id}-{selection.listener_id}"
    chosen = which.multiselect(
        "Remixes (2 to 9)",
        names,
        key=kept(f"versus_{place}", names, _first(options), several=True),
        max_selections=MOST,
        help="Systems with the gains of a preset saved in the Studio for this song and listener, or with all at 0 dB",
    )
    aided = how.toggle(
        "Amplified",
        key=kept("versus_aided", (True, False), True),
        help="As the listener hears it, and as HAAQI scores",
    )
    if len(chosen) < 2:
        st.info(
            "Choose two remixes or more. Presets saved in the Studio appear here.", icon=":material/compare_arrows:"
        )
        return
    choices = [options[name] for name in chosen]
    sounds, numbers = st.container(), st.container()
    with sounds:
        comparison = _compared(selection, choices, aided, scored=False)
    if comparison is None:
        return
    start, stop = selection.span
    with numbers:
        if not selection.song.has_stems:
            st.caption("HAAQI compares with the true stems, and this song has none.")
        elif stop - start > SCORED_SECONDS:
            st.caption(f"Excerpts of up to {SCORED_SECONDS:g} s are scored here; this one is longer.")
        else:
            comparison = _compared(selection, choices, aided, scored=True) or comparison
        _show_numbers(selection, comparison)
    with sounds:
        player(_data(selection, comparison, aided))


def _first(options: dict[str, RemixChoice]) -> list[str]:
    """Give what is compared at first: the original, and the same gains by two systems."""
    return ["Original", *[name for name in options if name.endswith(_LOUDER[0])][:2]]


#: Gains that are offered with every system: with all at 0 dB the stems only sum to the mixture again.
_LOUDER = ("vocals +6 dB", MixSettings({"vocals": Lane(6.0, 6.0)}))


def _options(selection: Selection) -> dict[str, RemixChoice]:
    """Give everything that can be compared for this song and listener, by label."""
    settings = services().settings
    found = [RemixChoice("Original")]
    presets = services().presets.all(selection.song.id, selection.listener_id)
    now = MixSettings.from_mixer(settings_of(selection.song.id))
    for info in systems():
        if (info.oracle and not selection.song.has_stems) or get_system(info.id, settings).unavailable_reason():
            continue
        title = info.title.partition(" (")[0]
        found.append(RemixChoice(f"{title}, {_LOUDER[0]}", info.id, _LOUDER[1]))
        found.append(RemixChoice(f"{title}, 0 dB", info.id))
        if now.gains != MixSettings().gains:
            found.append(RemixChoice(f"{title}, as set in the Studio", info.id, now))
        found += [RemixChoice(f"{title}, {preset.name}", info.id, preset.settings) for preset in presets]
    return {choice.label: choice for choice in [*found, *_stored(selection)]}


def _stored(selection: Selection) -> list[RemixChoice]:
    """Give the remixes of imported records, made anew from their gains; one that cannot be is left out."""
    known = {info.id for info in systems()}
    found = []
    table = remixes(services().scores.store)
    mine = table[(table["song"] == selection.song.name) & (table["listener"] == selection.listener.id)]
    for row in mine.itertuples():
        separation = str(row.record.get("system", ""))
        try:
            mix = from_gains(row.settings.get("gains_db") or {})
        except CadenzaError:
            continue
        if separation in known and not get_system(separation, services().settings).unavailable_reason():
            found.append(RemixChoice(f"{row.system} (stored)", separation, mix))
    return found


def _compared(selection: Selection, choices: list[RemixChoice], aided: bool, *, scored: bool) -> Comparison | None:
    """Give the comparison, or show how far it is; without scores it is there at once, and they follow."""
    request = (selection.song, selection.listener, choices)
    key = choice_key(*request, selection.excerpt, aided=aided, with_scores=scored)
    anew = st.session_state.pop("versus_anew", None) == key
    work = _work(selection, choices, aided, scored)
    job = ask(key, "Scoring" if scored else "Mixing", work, urgency=2 if scored else 1, anew=anew)
    if job.state == "done":
        result: Comparison = job.result
        return result
    if job.state in {"failed", "cancelled"} or is_stopped(key):
        if job.state == "failed":
            st.error(plain(job.error), icon=":material/error:")
        label = "Score them" if scored else "Try again"
        st.button(label, key=f"again_{scored}", on_click=lambda: st.session_state.update(versus_anew=key))
    else:
        follow(key)
    return None


def _work(
    selection: Selection, choices: list[RemixChoice], aided: bool, with_scores: bool
) -> Callable[[Progress], Comparison]:
    settings = services().settings

    def work(progress: Progress) -> Comparison:
        while with_scores and (ready := services().jobs.get(HAAQI_READY)) and ready.is_active:
            progress(0.0, "HAAQI is being prepared")
            time.sleep(0.2)
        return compare_remixes(
            selection.song,
            selection.listener,
            choices,
            settings,
            selection.excerpt,
            aided=aided,
            with_scores=with_scores,
            progress=progress,
        )

    return work


def _show_numbers(selection: Selection, comparison: Comparison) -> None:
    table, spectra = comparison.table(), comparison.spectra()
    scores, sound = st.columns([1, 1], gap="medium")
    with scores:
        left, right = st.columns([4, 1.6], vertical_alignment="bottom")
        left.subheader("Gains, scores, levels")
        with right:
            files_out(f"compare-{selection.song.name}", table, None, "compare-table")
        _numbers(table)
    with sound:
        left, right = st.columns([4, 1.6], vertical_alignment="bottom")
        left.subheader("Spectra, loudness matched")
        key = "-".join(one.sounds.id[:8] for one in comparison.remixes)
        with right:
            files_out(f"spectra-{selection.song.name}", spectra, lambda: spectra_figure(spectra), f"spectra-{key}")
        st.plotly_chart(spectra_figure(spectra), key="spectra", width="stretch", config=_CONFIG)
    picked = st.session_state["picked"]
    st.caption(
        f"The remixes are not limited: all are lowered by {-comparison.remixes[0].headroom_db:.1f} dB so that none exceeds "
        "-1 dBTP, and with matched loudness each further, to the quietest (Lowered). Only what would pass "
        f"{picked['ceiling_db_spl']:.0f} dB SPL at the ear, where full scale is {picked['calibration_db_spl']:.0f}, is held "
        "below it as it is played; both are set in the Studio, under Amplification."
    )
    for note in dict.fromkeys(note for one in comparison.remixes for note in one.notes):
        st.caption(plain(note))


def _data(selection: Selection, comparison: Comparison, aided: bool) -> dict[str, Any]:
    first = comparison.remixes[0].sounds
    picked = st.session_state["picked"]
    sounds = []
    for one in comparison.remixes:
        haaqi = [value for value in one.haaqi.values() if value == value]
        words = [f"HAAQI {sum(haaqi) / len(haaqi):.3f}"] if haaqi else []
        words += [f"{one.levels.loudness:.1f} LUFS"] if one.levels.loudness == one.levels.loudness else []
        sounds.append(
            {
                "id": one.choice.label,
                "label": one.choice.label,
                "note": ", ".join(words),
                "url": f"/audio/{one.sounds.id}/{one.sounds.sounds['remix'].file}",
                "peaks_url": f"/peaks/{one.sounds.id}/remix",
                "level_db": one.matched_db - one.sound_db,
                "plain_db": one.headroom_db - one.sound_db,
            }
        )
    return {
        "key": "/".join(
            [*(one.sounds.id for one in comparison.remixes), *(one.choice.label for one in comparison.remixes)]
        ),
        "place": f"{selection.song.id} {selection.excerpt}",
        "rate": first.rate,
        "frames": first.frames,
        "offset_s": selection.span[0],
        "sounds": sounds,
        "aided": aided,
        "loudness": comparison.loudness,
        "calibration_db_spl": picked["calibration_db_spl"],
        "ceiling_db_spl": picked["ceiling_db_spl"],
    }


def _numbers(table: pd.DataFrame) -> None:
    rows = []
    for row in table.to_dict("records"):
        gains = {stem.capitalize(): _gain(*(row[f"{stem}_{ear}"] for ear in EARS)) for stem in STEMS}
        scores = {"HAAQI": row["haaqi"]}
        levels = {
            "LUFS": row["loudness"],
            "dBTP": row["true_peak"],
            "Lowered": row["matched_db"],
        }
        rows.append({"Remix": row["remix"], **scores, **gains, **levels})
    digits = {"HAAQI": "%.3f"} | dict.fromkeys(("LUFS", "dBTP", "Lowered"), "%.1f")
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=min(38 + 35 * len(rows), 360),
        column_config={name: st.column_config.NumberColumn(name, format=form) for name, form in digits.items()},
        placeholder="",
    )


def _gain(left: float, right: float) -> str:
    both = [
        "" if value != value else "silent" if value == float("-inf") else f"{value:+.1f}" for value in (left, right)
    ]
    return both[0] if both[0] == both[1] else " / ".join(both)
