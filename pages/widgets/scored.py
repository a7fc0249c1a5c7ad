"""Which stored scores a page shows: the evaluation set and the filters, the same on every page and kept when one is left."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any

import streamlit as st

from cadenza_core.analysis import Filter, ScoreTable
from cadenza_core.store.published import published_results, set_title

from .messages import plain
from .services import services

__all__ = ["Picked", "bar", "choice_of_set", "filters", "kept", "picked_scores"]

#: So many choices are all shown; more are in a list that opens.
_AT_A_GLANCE = 12
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
    """The scores of one evaluation set, and which of them count; all sets there are, and those with scores of one's own."""

    table: ScoreTable
    chosen: Filter
    target: str
    sets: Sequence[str]
    own_sets: Collection[str]

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
    memory[name] = value
    if key not in st.session_state or st.session_state[key] != value:  # one that is shown already must not be set
        st.session_state[key] = value
    return key


def picked_scores() -> Picked:
    """Give what is picked, before anything is drawn: what hangs on it can be computed first, and all be drawn in one go."""
    source = services().scores
    own = source.store.evaluation_sets()
    names = list(dict.fromkeys([*own, *published_results(store=source.store)["evaluation_set"]]))
    asked = st.query_params.get("set", "")
    first = asked if asked in names else names[0]
    table = source.table(_value("set", names, first))
    target = _value("target", table.targets, table.targets[0])
    chosen = Filter(**{name: tuple(_value(name, table.choices(name), [], several=True)) for name in _filters(table)})
    return Picked(table, chosen, target, names, own)


def _value(name: str, options: Sequence[Any], otherwise: Any, *, several: bool = False) -> Any:
    return st.session_state[kept(name, options, otherwise, several=several)]


def _filters(table: ScoreTable) -> list[str]:
    """Give what there is a choice of."""
    return [one.name for one in fields(Filter) if len(table.choices(one.name)) > 1]


def bar() -> Any:
    """Give a row of choices, which wraps where there is no room."""
    return st.container(horizontal=True, vertical_alignment="bottom")


def choice_of_set(picked: Picked) -> None:
    """Show the choice of the set, and of what is scored if there is one."""
    st.selectbox(
        "Evaluation set",
        picked.sets,
        key=kept("set", picked.sets, picked.table.evaluation_set),
        format_func=lambda one: set_title(one) + ("" if one in picked.own_sets else " (published figures only)"),
        help="Scores of different sets of songs and listeners are never mixed",
    )
    targets = picked.table.targets
    if len(targets) > 1:
        st.segmented_control(
            "Score of",
            targets,
            key=kept("target", targets, picked.target),
            format_func=str.capitalize,
            required=True,
            help="HAAQI of the eight separated stems (CAD1) or of the remix (ICASSP 2024)",
        )


def filters(picked: Picked) -> None:
    """Show the button that opens the filters."""
    names = _filters(picked.table)
    count = sum(bool(getattr(picked.chosen, name)) for name in names)
    label = f"Filters ({count})" if count else "Filters"
    with st.popover(label, icon=":material/filter_alt:", width="content", disabled=not names):
        for name in names:
            options = picked.table.choices(name)
            key = kept(name, options, [], several=True)
            if len(options) <= _AT_A_GLANCE:
                st.pills(_TITLES[name], options, selection_mode="multi", key=key, format_func=plain)
            else:
                st.multiselect(_TITLES[name], options, key=key, placeholder="all")
        st.button("All scores", on_click=_clear, icon=":material/filter_alt_off:", disabled=not count)


def _clear() -> None:
    for name in _TITLES:
        st.session_state[f"scored_{name}"] = []
        st.session_state["scored_memory"][name] = []
