"""Extract by description: a sentence makes a lane, and what it took is missing from the others.

What is asked for lives in the session, by song, and in the link. The work is a job; meanwhile the mixer plays what it had.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamlit as st

from cadenza_core.catalog import Excerpt
from cadenza_core.errors import CadenzaError
from cadenza_core.jobs import Job
from cadenza_core.playback import Extracted, Playable, Wish, extracted_playable, find_extracted, wish_key
from cadenza_core.progress import Progress
from cadenza_core.separation.lass.models import OFFICIAL, LassModel, lass_folder, lass_models
from cadenza_core.separation.lass.prompt import MOST_PROMPTS, Prompt
from cadenza_core.separation.weights import fetch
from cadenza_core.submission.lanes import export_lanes

from .jobs import begin, follow, is_stopped, job_of
from .made import download, made
from .messages import clock, plain
from .selection import Selection, owner
from .services import services

__all__ = ["Extraction", "extract_panel", "extracted"]

#: Things in music that no fixed stem is, for models that take any description.
_SUGGESTIONS = (
    "crowd cheering and applause", "tambourine", "speech", "acoustic guitar", "hand claps", "piano", "background noise",
)  # fmt: skip
_MOST_SUGGESTED = 10


@dataclass(frozen=True)
class Extraction:
    """How far the present wish is: `found` once it is there; else the job that works on it, or what is wrong."""

    wish: Wish
    found: Extracted | None = None
    job: Job | None = None
    fault: str = ""


def _wish(song_id: str) -> Wish | None:
    """Give what shall be extracted from a song; None: nothing, or there is no model that could."""
    prompts: list[Prompt] = st.session_state["prompts"].get(song_id, [])
    if not prompts:
        return None  # and no folder is looked through
    model = _model(_ready_models())
    return None if model is None else Wish(model, tuple(prompts), st.session_state["one_rest"])


def extracted(selection: Selection, ready: Playable) -> tuple[Playable, Extraction | None]:
    """Give what the mixer plays: with the lanes that were asked for, or as it was while they are not there."""
    wish = _wish(selection.song.id)
    _let_go_of_others(selection, wish)
    state = None if wish is None else _look(selection, ready, wish)
    shown = state.found.playable if state and state.found else ready
    _bring_gains(selection.song.id, list(shown.stems.sounds))
    return shown, state


def _bring_gains(song_id: str, lanes: list[str]) -> None:
    """Tell the mixer what lanes that have come were set to, by a link or before they went."""
    before = st.session_state.get("lanes_shown")
    st.session_state["lanes_shown"] = lanes
    known = st.session_state["mix"].get(song_id, {}).get("gains", {})
    if before is not None and any(name in known for name in set(lanes) - set(before)):
        st.session_state["revision"] += 1


def _look(selection: Selection, ready: Playable, wish: Wish) -> Extraction:
    settings = services().settings
    try:
        found = find_extracted(selection.song, selection.system, settings, selection.excerpt, wish, ready)
        if found:
            return Extraction(wish, found)
        key = _key(selection, wish)
    except CadenzaError as error:
        return Extraction(wish, fault=str(error))
    job = job_of(key)
    if job is None:
        job = _submit(selection, wish, key)
    if job.state == "done":
        return Extraction(wish, job.result)
    return Extraction(wish, job=job)


def _key(selection: Selection, wish: Wish) -> str:
    return wish_key(selection.song, selection.system, services().settings, selection.excerpt, wish)


def _submit(selection: Selection, wish: Wish, key: str) -> Job:
    settings = services().settings

    def work(progress: Progress) -> Extracted:
        return extracted_playable(
            selection.song, selection.system, settings, selection.excerpt, wish, progress=progress
        )

    st.session_state["extract_job"] = key
    st.session_state.setdefault("stopped_jobs", set()).discard(key)
    return services().jobs.submit(key, "Extracting", work, owner=owner(), urgency=1)


def _let_go_of_others(selection: Selection, wish: Wish | None) -> None:
    """Stop this tab's work on what is no longer wanted."""
    before = st.session_state.get("extract_job")
    if before is None:
        return
    try:
        wanted = None if wish is None else _key(selection, wish)
    except CadenzaError:
        wanted = None
    if before != wanted:
        services().jobs.release(before, owner())
        st.session_state["extract_job"] = None


def extract_panel(selection: Selection, state: Extraction | None) -> None:
    """Show what can be asked for, and what became of it."""
    panel = st.expander(
        "Extract by description", icon=":material/manage_search:", key="extract_panel", on_change="rerun",
        expanded=state is not None,
    )  # fmt: skip
    if not panel.open:
        return
    with panel:
        ready = _ready_models()
        if not ready:
            _no_model()
            return
        model = _choose(ready)
        _ask(selection, model)
        _suggest(selection, model)
        if state is not None:
            _progress(selection, state)
            _requests(selection, state)
            _layout()
            _take_away(selection, state)


def _ready_models() -> list[LassModel]:
    settings = services().settings
    return [model for model in lass_models(settings) if not model.unavailable_reason(settings)]


def _model(ready: Sequence[LassModel]) -> LassModel | None:
    wanted = st.session_state["extract_with"]
    return next((model for model in ready if model.id == wanted), ready[0] if ready else None)


def _choose(ready: Sequence[LassModel]) -> LassModel:
    model = _model(ready)
    assert model is not None
    if len(ready) > 1:
        titles = {one.id: one.title for one in ready}
        st.session_state["pick_extract_with"] = model.id
        st.selectbox(
            "Model", list(titles), key="pick_extract_with", format_func=lambda key: titles.get(key, str(key)),
            on_change=lambda: st.session_state.update(extract_with=st.session_state["pick_extract_with"]), width=320,
        )  # fmt: skip
    note = f"{model.title}: {model.note}" if model.note else model.title
    st.caption(plain(note))
    return model


def _ask(selection: Selection, model: LassModel) -> None:
    start, stop = (round(edge, 1) for edge in selection.span)
    number = st.session_state.setdefault(
        "extract_number", 0
    )  # a new form is empty; what was refused stays to be mended
    with st.form(f"extract_form_{number}", border=False):
        wanted, without, span, button = st.columns([3.2, 2.4, 2.8, 1.2], vertical_alignment="bottom", gap="small")
        text = wanted.text_input("What do you hear?", placeholder=_examples(model))
        other = without.text_input("But not", placeholder="such as speech, rain")
        if stop - start >= 0.2:
            times = span.slider("From, to", start, stop, (start, stop), step=0.1, format="%.1f s")
        else:
            times = (start, stop)
        sent = button.form_submit_button("Extract", width="stretch", icon=":material/content_cut:")
    if sent:
        whole = times == (start, stop)
        _add(selection, text, other, None if whole else Excerpt(*times))
    song, fault = st.session_state.get("extract_fault", ("", ""))
    if fault and song == selection.song.id:  # until the next request: pages run again for many reasons
        st.error(plain(fault), icon=":material/error:")


def _examples(model: LassModel) -> str:
    return f"such as {(model.captions or _SUGGESTIONS)[0].lower()}"


def _add(selection: Selection, text: str, without: str, span: Excerpt | None) -> None:
    prompts: list[Prompt] = st.session_state["prompts"].setdefault(selection.song.id, [])
    try:
        excluded = tuple(filter(str.strip, without.split(",")))
        prompt = Prompt(text, excluded, span)
        if len(prompts) >= MOST_PROMPTS:
            raise CadenzaError(f"{MOST_PROMPTS} sounds at once is the most. Remove one first.")
    except CadenzaError as error:
        st.session_state["extract_fault"] = (selection.song.id, str(error))
    else:
        st.session_state["extract_fault"] = ("", "")
        st.session_state["extract_number"] += 1
        if prompt not in prompts:
            prompts.append(prompt)
        if model := _model(_ready_models()):
            st.session_state["extract_with"] = model.id  # a link says which
    st.rerun()


def _suggest(selection: Selection, model: LassModel) -> None:
    options = (model.captions or _SUGGESTIONS)[:_MOST_SUGGESTED]
    asked = {prompt.query for prompt in st.session_state["prompts"].get(selection.song.id, [])}
    number = st.session_state.setdefault("suggestion_number", 0)
    chosen = st.pills(
        "Suggestions", [one for one in options if one not in asked], key=f"suggestion_{number}",
        label_visibility="collapsed",
    )  # fmt: skip
    if chosen:
        st.session_state["suggestion_number"] += 1  # none is chosen afterwards
        _add(selection, chosen, "", None)


def _progress(selection: Selection, state: Extraction) -> None:
    if state.fault:
        st.error(plain(state.fault), icon=":material/error:")
    job = state.job
    if job is None:
        return
    if job.is_active and not is_stopped(job.key):
        follow(job.key)
        return
    if job.state == "failed":
        st.error(plain(job.error), icon=":material/error:")
    else:
        st.markdown("Cancelled. The mixer has no lane of it yet.")
    if st.button("Extract again", icon=":material/play_arrow:", key="extract_again"):
        _submit(selection, state.wish, job.key)
        st.rerun()


def _requests(selection: Selection, state: Extraction) -> None:
    results = {result.prompt: result for result in state.found.results} if state.found else {}
    for number, prompt in enumerate(state.wish.prompts):
        text, remove = st.columns([12, 1], vertical_alignment="center", gap="small")
        result = results.get(prompt)
        with text:
            st.markdown(f"**{plain(_title(prompt))}**" + (_level(result.presence.overall) if result else ""))
            if result and (warning := result.presence.warning(prompt.query)):
                st.warning(plain(warning), icon=":material/help:")
        label = f"Remove {prompt.query[:40]}"
        if remove.button("", icon=":material/close:", key=f"drop_prompt_{number}", help=label):
            st.session_state["prompts"][selection.song.id].remove(prompt)
            st.rerun()


def _title(prompt: Prompt) -> str:
    text = prompt.query + "".join(f", not {other}" for other in prompt.without)
    if prompt.span is None:
        return text
    stop = "the end" if prompt.span.stop is None else clock(prompt.span.stop)
    return f"{text}, {clock(prompt.span.start)} to {stop}"


def _level(decibels: float) -> str:
    return f" · {decibels:.0f} dB of the mixture" if decibels > -90 else " · silent"


def _layout() -> None:
    names = {False: "the stems, without it", True: "one lane"}
    st.session_state["pick_rest"] = st.session_state["one_rest"]
    st.segmented_control(
        "The rest is", list(names), key="pick_rest", format_func=names.__getitem__, required=True,
        on_change=_set_layout,
        help="With every lane at 0 dB you hear the mixture as before. Mute an extracted lane to hear what is left.",
    )  # fmt: skip


def _set_layout() -> None:
    st.session_state["one_rest"] = bool(st.session_state["pick_rest"])


def _take_away(selection: Selection, state: Extraction) -> None:
    if state.found is None:
        return
    settings = services().settings

    def write(progress: Progress) -> Path:
        return export_lanes(
            selection.song, selection.system, selection.excerpt, state.wish, settings, progress=progress
        )

    key, label = f"lanes-{state.found.playable.stems.id}", "Save these lanes (WAV, zip)"
    look = {"icon": ":material/save:", "type": "tertiary"}
    done = made(key, label, "Writing the lanes", write, lambda path: path, **look)
    if done is not None:
        download(done, "Lanes (zip)")


def _no_model() -> None:
    """Say which files are missing and how to get them."""
    settings = services().settings
    st.markdown(
        "A sentence makes a stem here: “the crowd”, “tambourine”, “speech under music”. It needs a model that follows "
        "descriptions, and none is on this machine."
    )
    for model in OFFICIAL:
        key = f"weights-{model.id}"
        job = services().jobs.get(key)
        with st.container(border=True):
            st.markdown(f"**{plain(model.title)}**, trained on {plain(model.trained_on)}")
            st.caption(plain(model.unavailable_reason(settings) or ""))
            if job and job.is_active:
                follow(key)
                continue
            if job and job.state == "failed":
                st.error(plain(job.error), icon=":material/error:")
            size = sum(file.size for file in model.files) / 1e6
            work = partial(fetch, model.id, settings)
            st.button(
                f"Get weights ({size:.0f} MB)",
                icon=":material/download:",
                key=f"get_{model.id}",
                on_click=begin,
                args=(key, f"Getting {model.title}", work),
            )
    st.caption(
        plain(f"A small model of your own sounds takes minutes to train and is found in {lass_folder(settings)}: ")
        + "`cadenza lass train --clips FOLDER --name NAME`"
    )
