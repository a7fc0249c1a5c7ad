"""The page that compares predictions: take files in, rank them, and look at one closely."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, cast

import streamlit as st

from cadenza_core.errors import CadenzaError
from cadenza_core.intelligibility.clips import Clip, read_metadata
from cadenza_core.intelligibility.compare import Comparison, Published, Row, compare, published
from cadenza_core.intelligibility.predictions import Predictions, Scale, parse_predictions
from cadenza_core.intelligibility.regression import truth_of

from .messages import guarded, plain
from .prediction_plots import calibration_figure, ranking_figure, residual_figure, scatter_figure

__all__ = ["predictions"]

_STATE = "prediction_files"
_MAX_MB = 20
_SCALES = {"auto": "Told from the numbers", "percent": "0 to 100", "fraction": "0 to 1"}
_PUBLISHED = {"none": "None", "valid": "valid", "eval": "eval"}


def predictions() -> None:
    """Show the page."""
    bar, main = st.container(), st.container()
    state: dict[str, Any] = st.session_state.setdefault(
        _STATE, {"truth": None, "name": "", "texts": {}, "faults": {}, "number": 0}
    )
    with bar, guarded():
        scale, beside = _take_in(state)
        with main, guarded():
            if state["truth"] is None or not state["texts"]:
                _empty(state)
            else:
                _show(state["truth"], _compared(state, scale), beside)


def _take_in(state: dict[str, Any]) -> tuple[Scale, str]:
    """Show the controls; take in what is uploaded."""
    truth, files, scale, beside = st.columns([2.2, 2.2, 1.3, 1.3], gap="medium")
    with truth:
        file = st.file_uploader(
            "Truth: metadata (JSON)", type="json", key=f"truth_{state['number']}", max_upload_size=100
        )
        if file is not None:
            _take_truth(state, file.name, file.getvalue())
        if state["truth"] is not None:
            st.caption(f"{plain(state['name'])}: {len(state['truth'])} signals")
    with files:
        new = st.file_uploader(
            "Predictions (CSV)",
            type="csv",
            accept_multiple_files=True,
            key=f"csv_{state['number']}",
            max_upload_size=_MAX_MB,
        )
        if new:
            _take_files(state, [(one.name, one.getvalue()) for one in new])
    chosen = scale.selectbox(
        "Scale of the scores", list(_SCALES), format_func=_SCALES.__getitem__, key="prediction_scale"
    )
    other = beside.selectbox(
        "Published results", list(_PUBLISHED), format_func=_PUBLISHED.__getitem__, key="prediction_beside"
    )
    if state["texts"] and beside.button("Forget all files", type="tertiary", icon=":material/close:"):
        number = state["number"] + 1
        st.session_state.pop(_STATE)
        st.session_state[_STATE] = {"truth": None, "name": "", "texts": {}, "faults": {}, "number": number}
        st.rerun()
    for name, fault in state["faults"].items():
        st.error(plain(fault if fault.startswith(name) else f"{name}: {fault}"), icon=":material/error:")
    return cast(Scale, chosen or "auto"), str(other or "none")


def _take_truth(state: dict[str, Any], name: str, content: bytes) -> None:
    if state["name"] == name and state.get("size") == len(content):
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "metadata.json"
        path.write_bytes(content)
        try:
            clips = read_metadata(path)
            truth_of(clips)
        except CadenzaError as error:
            raise CadenzaError(str(error).replace(str(path), json.dumps(name))) from error
    state |= {"truth": clips, "name": name, "size": len(content), "compared": None}


def _take_files(state: dict[str, Any], files: Sequence[tuple[str, bytes]]) -> None:
    given = dict(files)
    if given.keys() == state["texts"].keys() | state["faults"].keys() and given == state.get("given"):
        return
    state |= {"given": given, "texts": {}, "faults": {}, "compared": None}
    for name, content in given.items():
        try:
            state["texts"][name] = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            state["faults"][name] = f"{name} is not a text file in UTF-8. Save it as CSV (UTF-8)."


def _compared(state: dict[str, Any], scale: Scale) -> Comparison:
    """Compare, once for the same files and scale."""
    known = state.get("compared")
    if known is None or known[0] != scale:
        read: list[Predictions] = []
        faults: dict[str, str] = {}
        with st.spinner("Reading and comparing"):
            for name, text in state["texts"].items():
                try:
                    read.append(parse_predictions(text, name, scale))
                except CadenzaError as error:
                    faults[name] = str(error)
            known = state["compared"] = (scale, compare(state["truth"], read, faults))
    result: Comparison = known[1]
    return result


def _empty(state: dict[str, Any]) -> None:
    with st.container(border=True):
        st.markdown(
            "Upload the **metadata** of a split with the listeners' answers, such as `train_metadata.json`, and one or more "
            "**prediction files**: `signal_id,intelligibility_score`, 0 to 100, as the challenge's site takes them. The "
            "baseline's `signal_ID` and scores from 0 to 1 are understood, and said."
        )
        st.caption(
            "They are ranked by RMSE, beside the published results if you like; each can be looked at: scatter, residuals by "
            "hearing loss, calibration. `cadenza lyrics predict` writes such files, `cadenza lyrics compare` gives the same "
            "figures in a shell."
        )
        if state["truth"] is not None:
            st.caption("The truth is there; the predictions are not.")
        elif state["texts"]:
            st.caption("The predictions are there; the truth is not.")


def _show(truth: Sequence[Clip], done: Comparison, beside: str) -> None:
    for fault in done.faults.values():
        st.error(plain(fault), icon=":material/error:")
    if not done.rows:
        return
    for row in done.rows:
        for note in row.notes:
            st.info(plain(f"{row.name}: {note}"), icon=":material/info:")
    source, others = published() if beside != "none" else ("", ())
    split = cast(Literal["valid", "eval"], beside)
    st.markdown("## Ranking")
    left, right = st.columns([3, 2], gap="large")
    left.plotly_chart(ranking_figure(done.rows, others, split), key="ranking", config={"displayModeBar": False})
    if others:
        left.caption(plain(f"Hollow: published RMSE on {split} ({source})."))
    with right:
        st.dataframe(_table(done.rows, others, split), hide_index=True, row_height=28, key="ranking_table")
    names = [row.name for row in done.rows]
    name = st.selectbox("Look at", names, key="prediction_pick") if len(names) > 1 else names[0]
    row = next((row for row in done.rows if row.name == name), done.rows[0])
    _closely(row, {clip.signal: clip.severity for clip in truth})


def _closely(row: Row, severity: dict[str, str]) -> None:
    severities = [severity[signal] for signal in row.signals]
    for column, title, figure in zip(
        st.columns(3, gap="medium"),
        ("Predicted and understood", "Residuals by hearing loss", "Calibration"),
        (
            scatter_figure(row, severities),
            residual_figure(row, severities),
            calibration_figure(row),
        ),
        strict=True,
    ):
        with column:
            st.markdown(f"### {title}")
            st.plotly_chart(figure, key=f"plot_{title}", config={"displayModeBar": False})


def _table(rows: Sequence[Row], others: Sequence[Published], split: Literal["valid", "eval"]) -> list[dict[str, Any]]:
    severities = list(dict.fromkeys(name for row in rows for name in row.by_severity))
    made = [
        {
            "Predictions": row.name + ("" if row.is_complete else " (incomplete)"),
            "RMSE": round(row.overall.rmse, 3),
            "±": round(row.overall.rmse_error, 3),
            "NCC": round(row.overall.ncc, 4),
            "Tau": round(row.overall.kt, 4),
            **{name: round(row.by_severity[name].rmse, 2) for name in severities if name in row.by_severity},
        }
        for row in rows
    ]
    made += [
        {"Predictions": f"published: {one.system}", "RMSE": one.rmse(split)}
        | ({"NCC": one.eval_ncc} if split == "eval" else {})
        for one in others
    ]
    return sorted(made, key=lambda entry: float(str(entry["RMSE"])))
