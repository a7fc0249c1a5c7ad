"""Tables out: nothing a spreadsheet or LaTeX would run, whole files or none."""

import pandas as pd
import pytest

from cadenza_core.errors import CadenzaError
from cadenza_core.store.exporting import guarded_names, to_csv, to_latex, without_guard, write_table

RUN = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "'=x", "'x"]


def test_a_name_that_a_spreadsheet_would_run_gets_an_apostrophe_and_numbers_do_not():
    frame = pd.DataFrame({"=name": ["=1+1", "safe"], "value": [-0.5, 0.1 + 0.2]})
    text, count = to_csv(frame)
    assert text == "'=name,value\r\n'=1+1,-0.5\r\nsafe,0.30000000000000004\r\n"
    assert count == 1


def test_the_apostrophe_comes_off_again_whatever_the_name_was():
    names = [*RUN, "plain", "", "a=b"]
    assert [without_guard(name) for name in guarded_names(names)[0]] == names
    assert not any(name.startswith(("=", "+", "-", "@", "\t", "\r")) for name in guarded_names(names)[0])


def test_latex_shows_every_character_and_runs_none():
    frame = pd.DataFrame({"a_b": [r"\input{/etc/passwd} & 50 % $x$ #1 ~ ^ <b>", "x\ny"], "n": [0.5, float("nan")]})
    text = to_latex(frame, digits=2)
    assert r"\textbackslash{}input\{/etc/passwd\} \& 50 \% \$x\$ \#1 \textasciitilde{} \textasciicircum{}" in text
    assert r"a\_b & n \\" in text and r"0.50 \\" in text and "x y &" in text


def test_a_column_without_content_is_left_out_of_latex_only():
    frame = pd.DataFrame({"a": ["x"], "empty": [""], "none": [float("nan")]})
    assert "empty" not in to_latex(frame) and "empty" in to_csv(frame)[0]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json"])
def test_files_hold_the_numbers_in_full(tmp_path, suffix):
    frame = pd.DataFrame({"song": pd.Categorical(["a", "b"]), "value": [1 / 3, float("nan")]})
    path = tmp_path / f"table{suffix}"
    write_table(frame, path)
    read = {".csv": pd.read_csv, ".parquet": pd.read_parquet, ".json": pd.read_json}[suffix](path)
    assert read["song"].tolist() == ["a", "b"]
    assert read["value"][0] == pytest.approx(1 / 3, abs=0 if suffix != ".json" else 1e-15)
    assert pd.isna(read["value"][1])


def test_faults_are_sentences(tmp_path, small_disk):
    frame = pd.DataFrame({"a": ["x" * 1000] * 1000})
    with pytest.raises(CadenzaError, match=r"must end with \.csv, \.parquet, \.tex, \.json"):
        write_table(frame, tmp_path / "table.xls")
    with pytest.raises(CadenzaError, match="the disk is full"):
        write_table(frame, small_disk / "table.csv")
    assert list(small_disk.iterdir()) == []
