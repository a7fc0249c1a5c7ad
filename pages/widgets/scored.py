"""Which stored scores a page shows: the evaluation set and the filters, the same on every page and kept when one is left."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any

import streamlit as st

from cadenza_core.analysis import Filter, ScoreTable
from cadenza_core.store.published import published_results, set_title

from .messages import plain
from .services import services

__all__ = ["Picked", "kept", "picked_scores", "scores_bar"]

#: So many choices are all shown; more are in a list that opens.
_AT_A_GLANCE = 8
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
    st.session_state[key] = memory[name] = value
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


def scores_bar(picked: Picked, others: int) -> list[Any]:
    """Show the choice of set, target and filters, and give the places of `others` beside them."""
    targets = picked.table.targets
    widths = [3.4, *[1.3] * (2 + others)] if len(targets) > 1 else [4.7, *[1.3] * (1 + others)]
    places = st.columns(widths, vertical_alignment="bottom")
    (which, *of, narrow), rest = places[:-others], places[-others:]
    which.selectbox(
        "Evaluation set",
        picked.sets,
        key=kept("set", picked.sets, picked.table.evaluation_set),
        format_func=lambda one: set_title(one) + ("" if one in picked.own_sets else " (published figures only)"),
        help="Scores of different sets of songs and listeners are never mixed",
    )
    for place in of:
        place.segmented_control(
            "Score of",
            targets,
            key=kept("target", targets, picked.target),
            format_func=str.capitalize,
            required=True,
            help="HAAQI of the eight separated stems (CAD1) or of the remix (ICASSP 2024)",
        )
    _show_filters(picked, narrow)
    return rest


def _show_filters(picked: Picked, place: Any) -> None:
    names = _filters(picked.table)
    count = sum(bool(getattr(picked.chosen, name)) for name in names)
    with place.popover(
        f"Filters ({count})" if count else "Filters", icon=":material/filter_alt:", width="stretch", disabled=not names
    ):
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
