"""Which stored scores a page shows: the evaluation set and the filters, the same on every page and kept when one is left."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import streamlit as st

from cadenza_core.analysis import Filter, ScoreTable
from cadenza_core.store.published import published_results, set_title

from .messages import plain
from .services import services

__all__ = ["Picked", "kept", "pick_scores"]

_TITLES = {
    "system": "Systems",
    "song": "Songs",
    "genre": "Genres",
    "stem": "Stems",
    "ear": "Ears",
    "severity": "Severity (better ear)",
    "listener": "Listeners",
}


@dataclass(frozen=True)
class Picked:
    """The scores of one evaluation set, and which of them count."""

    table: ScoreTable
    chosen: Filter
    target: str

    @property
    def key(self) -> tuple[Any, ...]:
        """What a result of these scores is kept under."""
        return (self.chosen, self.target)


def kept(name: str, options: Sequence[Any], otherwise: Any, *, several: bool = False) -> str:
    """Give a widget's key, whose value outlives the page: what it was last, as far as it is still offered."""
    key = f"scored_{name}"
    memory: dict[str, Any] = st.session_state.setdefault("scored_memory", {})
    value = st.session_state.get(key, memory.get(name, otherwise))
    if several:
        value = [one for one in value if one in options]
    elif value not in options:
        value = otherwise
    st.session_state[key] = memory[name] = value
    return key


def pick_scores(which: Any, of: Any, narrow: Any) -> Picked:
    """Show the choice of set, target and filters in three places, and give what is picked."""
    source = services().scores
    own = source.store.evaluation_sets()
    names = list(dict.fromkeys([*own, *published_results(store=source.store)["evaluation_set"]]))
    asked = st.query_params.get("set", "")
    first = asked if asked in names else names[0]
    name = which.selectbox(
        "Evaluation set",
        names,
        key=kept("set", names, first),
        format_func=lambda one: set_title(one) + ("" if one in own else " (published figures only)"),
        help="Scores of different sets of songs and listeners are never mixed",
    )
    table = source.table(name)
    targets = table.targets
    target = of.segmented_control(
        "Score of",
        targets,
        key=kept("target", targets, targets[0]),
        format_func=str.capitalize,
        disabled=len(targets) < 2,
        help="HAAQI of the eight separated stems (CAD1) or of the remix (ICASSP 2024)",
    )
    chosen = _filters(table, narrow)
    return Picked(table, chosen, target or targets[0])


def _filters(table: ScoreTable, place: Any) -> Filter:
    shown = [one.name for one in fields(Filter)]
    memory: dict[str, Any] = st.session_state.setdefault("scored_memory", {})
    # What was chosen for another set is not offered here: only what counts is counted.
    count = sum(bool(set(memory.get(name, [])) & set(table.choices(name))) for name in shown)
    with place.popover(f"Filters ({count})" if count else "Filters", icon=":material/filter_alt:", width="stretch"):
        picked = {}
        for name in shown:
            options = table.choices(name)
            picked[name] = tuple(
                st.multiselect(
                    _TITLES[name],
                    options,
                    key=kept(name, options, [], several=True),
                    format_func=plain if name == "genre" else str,
                    placeholder="all",
                    disabled=not options,
                )
            )
        st.button("All scores", on_click=_clear, icon=":material/filter_alt_off:", disabled=not any(picked.values()))
    return Filter(**picked)


def _clear() -> None:
    for name in _TITLES:
        st.session_state[f"scored_{name}"] = []
        st.session_state["scored_memory"][name] = []
