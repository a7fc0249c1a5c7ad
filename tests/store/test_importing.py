"""Score tables as people have them: every form that is understood, and every fault said with its place."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cadenza_core.catalog import Song, make_listener
from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.quality import PairScore, write_scores
from cadenza_core.remix import MixSettings, Presets
from cadenza_core.store import SCORE_COLUMNS, ScoredSystem, Store, schema, tables
from cadenza_core.store.exporting import write_table
from cadenza_core.store.formats import ICASSP_COLUMNS
from cadenza_core.store.importing import find_submissions, import_scores
from cadenza_core.store.names import learn
from cadenza_core.store.records import import_presets, remixes
from cadenza_core.store.tables import open_table
from tests.memory import peak_memory
from tests.store.conftest import NAMES, values

SET = "cad1-evaluation"
HEADER = (
    "song,listener,score,left_bass,right_bass,left_drums,right_drums,left_other,right_other,left_vocals,right_vocals"
)
ROW = "Actions - One Minute Smile,L5042,0.45,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8"


@pytest.fixture
def load(file_store, tmp_path):
    """Import a table given as text or bytes."""

    def load(content, name="scores.csv", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        given = {"evaluation_set": SET, "system": ScoredSystem("ours"), **options}
        return import_scores(file_store, [path], **given)

    return load


def eight(store):
    """Give the stored values of one pair by name."""
    found = values(store)
    return dict(zip(found["ear"] + "_" + found["stem"], found["value"], strict=True))


EIGHT = {
    "left_bass": 0.1, "right_bass": 0.2, "left_drums": 0.3, "right_drums": 0.4, "left_other": 0.5, "right_other": 0.6,
    "left_vocals": 0.7, "right_vocals": 0.8,
}  # fmt: skip
SAME = {
    "official": f"{HEADER}\r\n{ROW}\r\n",
    "Unix line ends": f"{HEADER}\n{ROW}\n",
    "old Mac line ends, none at the end": f"{HEADER}\r{ROW}",
    "byte order mark": f"\ufeff{HEADER}\r\n{ROW}\r\n",
    "UTF-16": f"{HEADER}\r\n{ROW}\r\n".encode("utf-16"),
    "semicolons and decimal commas": f"{HEADER}\n{ROW}\n".replace(",", ";").replace(".", ","),
    "semicolons and decimal points": f"{HEADER}\n{ROW}\n".replace(",", ";"),
    "tabs": f"{HEADER}\n{ROW}\n".replace(",", "\t"),
    "empty lines and spaces": f"{HEADER}\n\n{ROW.replace(',0.3,', ', 0.3 ,')}\n\n\n",
    "quotes": f'{HEADER}\n"Actions - One Minute Smile","L5042"{ROW[32:]}\n',
    "no column score": f"{HEADER}\n{ROW}\n".replace(",score", "").replace(",0.45", ""),
    "another column order": ",".join(HEADER.split(",")[::-1]) + "\n" + ",".join(ROW.split(",")[::-1]) + "\n",
}


@pytest.mark.parametrize("name", SAME)
def test_one_table_in_many_dresses(load, file_store, name):
    report = load(SAME[name])
    assert (report.added, report.conflicts) == (8, 0)
    assert eight(file_store) == EIGHT
    assert set(values(file_store)["song"]) == {"Actions - One Minute Smile"}


def bad(old, new, row=ROW):
    return f"{HEADER}\n{ROW.replace('L5042', 'L1')}\n{row.replace(old, new)}\n"


FAULTS = {
    "a column that is missing": (
        f"{HEADER}\n{ROW}\n".replace(",left_drums", "").replace(",0.3", ""),
        r"is not a score table: it has the columns .* CAD1's needs left_drums too; ICASSP 2024's scene.*our own.*value",
    ),
    "a score above 1": (
        bad("0.3", "1.3"),
        r"scores\.csv, line 3, left_drums: 1\.3 cannot be HAAQI; 0 to 1 is accepted",
    ),
    "a score below 0": (bad("0.3", "-0.3"), r"line 3, left_drums: -0\.3 cannot be HAAQI"),
    "infinity": (bad("0.3", "inf"), r"line 3, left_drums: 'inf' is not a finite number"),
    "a word": (bad("0.3", "good"), r"line 3, left_drums: 'good' is not a finite number"),
    "a formula": (bad("0.3", "=1+1"), r"line 3, left_drums: '=1\+1' is not a finite number"),
    "a decimal comma among commas": (bad("0.3", '"0,3"'), r"line 3, left_drums: '0,3' is not a finite number"),
    "a cell too few": (bad(",0.8", ""), r"line 3: 10 cells, but the header has 11"),
    "a cell too many": (bad("0.8", "0.8,0.9"), r"line 3: 12 cells, but the header has 11"),
    "no song": (bad("Actions - One Minute Smile", ""), "cannot be the name of a song"),
    "a column twice": (f"{HEADER},score\n{ROW},1\n", r"has the column 'score' more than once"),
    "nothing": ("", "is empty: a header and rows are wanted"),
    "another encoding": (
        f"{HEADER}\n{ROW}\n".replace("Actions", "Zoë").encode("latin-1"),
        "cannot be read as a table of text",
    ),
    "no text": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "cannot be read as a table of text|is not a score table"),
    "an open quote": (bad("Actions", '"Actions'), "unexpected end of data|cannot be read as a table"),
    "an endless line": ("song," * 300_000, r"line 1: longer than 1,000,000 characters"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_said_with_its_place_and_nothing_is_stored(load, file_store, name):
    content, words = FAULTS[name]
    with pytest.raises(CadenzaError, match=words):
        load(content)
    assert len(file_store.scores()) == 0


def test_empty_cells_and_nan_are_stems_without_a_score(load, file_store):
    report = load(f"{HEADER}\n{ROW}\n".replace("0.3", "").replace("0.4,", "nan,"))
    assert (report.added, report.empty) == (6, 2)
    assert set(eight(file_store)) == set(NAMES) - {"left_drums", "right_drums"}


def test_rows_that_repeat_are_counted_and_rows_that_contradict_each_other_are_conflicts(load, file_store):
    report = load(f"{HEADER}\n{ROW}\n{ROW}\n{ROW.replace('0.3', '0.31')}\n")
    assert (report.added, report.repeated, report.conflicts) == (7, 14, 1)
    assert report.conflict_rows.loc[0, ["stem", "ear", "stored", "given"]].tolist() == ["drums", "left", 0.3, 0.31]


def test_a_mean_that_is_not_the_mean_is_said(load):
    report = load(f"{HEADER}\n{ROW.replace('0.45', '0.54')}\n")
    assert any("'score' is not the mean of the row's scores" in note for note in report.notes)


def test_further_columns_are_allowed_and_said(load):
    report = load(f"{HEADER},colour\n{ROW},red\n")
    assert any("columns that were not read: colour" in note for note in report.notes)


def test_unknown_listeners_are_stored_and_said_until_a_file_names_them(load, file_store):
    hertz, levels = [250, 500, 1000, 2000, 4000, 6000], [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
    known = make_listener("L5042", hertz, levels, levels)
    report = load(f"{HEADER}\n{ROW}\n{ROW.replace('L5042', 'L9')}\n", listeners=[known])
    assert any("unknown listeners: L9; their severity is not known" in note for note in report.notes)
    stored = {row.name: row.audiogram for row in file_store.table(schema.Listener).itertuples()}
    assert stored["L5042"]["right"] == levels and stored["L9"] == {}
    other = make_listener("L5042", hertz, [0.0] * 6, levels)
    assert learn(file_store, [other, make_listener("L9", hertz, levels, levels)], []) == [
        "the audiograms of L5042 are others than those stored, which stay"
    ]
    stored = {row.name: row.audiogram for row in file_store.table(schema.Listener).itertuples()}
    assert stored["L5042"]["left"] == levels and stored["L9"]["left"] == levels


def test_genres_come_from_the_catalogue(load, file_store):
    song = Song("x", "Actions - One Minute Smile", "musdb18hq", {}, split="valid", genre="Pop/Rock")
    load(f"{HEADER}\n{ROW}\n", songs=[song])
    (row,) = file_store.table(schema.Song).to_dict("records")
    assert (row["genre"], row["split"]) == ("Pop/Rock", "valid")


def test_whose_scores_they_are_must_be_said(load):
    with pytest.raises(
        CadenzaError, match=r"does not say which songs and listeners its scores are of\. Name the evaluation set"
    ):
        load(f"{HEADER}\n{ROW}\n", evaluation_set="")
    with pytest.raises(CadenzaError, match="does not say whose scores these are"):
        load(f"{HEADER}\n{ROW}\n", system=None)


def test_icassp_2024(load, file_store):
    content = ",".join(ICASSP_COLUMNS) + "\nS50077,A - B-4,L0066,0.25,0.75,0.5\nS50078,A - B-4,L0066,0.5,,0.5\n"
    report = load(content, evaluation_set="icassp-2024-evaluation")
    assert (report.added, report.empty) == (3, 1)
    found = values(file_store, "excerpt", "listener", "stem", "ear", "value").values.tolist()
    assert found == [
        ["S50077", "L0066", "remix", "left", 0.25],
        ["S50077", "L0066", "remix", "right", 0.75],
        ["S50078", "L0066", "remix", "left", 0.5],
    ]


def test_the_tables_that_this_program_writes(file_store, tmp_path, pair_list):
    write_scores(tmp_path / "scores.csv", pair_list())
    report = import_scores(file_store, [tmp_path / "scores.csv"], evaluation_set=SET, system=ScoredSystem("ours"))
    assert (report.added, report.notes[1:]) == (96, ())
    by_pair = values(file_store).groupby(["song", "listener"])["value"].mean()
    for pair in pair_list():
        assert by_pair[pair.song, pair.listener] == pytest.approx(pair.score, abs=1e-12)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_is_exported_is_imported_again_to_the_last_bit(file_store, tmp_path, suffix):
    names = ["=cmd|' /C calc'!A0", "+1", "-2", "@sum", "'=quoted", "'plain", "<b>x</b>", 'a "b", c', "Zoë"]
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"song": names, "listener": names[::-1], "value": rng.uniform(0, 1, len(names))})
    file_store.add_scores(frame, evaluation_set=SET, system="=mine")
    path = tmp_path / f"all{suffix}"
    said = write_table(file_store.scores()[list(SCORE_COLUMNS)], path)
    assert bool(said) == (suffix == ".csv")
    with Store(f"sqlite:///{tmp_path}/other.sqlite") as other:
        assert import_scores(other, [path]).added == len(names)
        pd.testing.assert_frame_equal(values(other), values(file_store), check_exact=True)
    assert import_scores(file_store, [path]).unchanged == len(names)


def test_batches_are_one_import(file_store, tmp_path, pair_list):
    pairs = pair_list()
    for number in range(3):
        write_scores(tmp_path / f"scores_{number + 1}-3.csv", pairs[number::3])
    tables = sorted(tmp_path.glob("scores_*.csv"))
    assert import_scores(file_store, tables, evaluation_set=SET, system=ScoredSystem("ours")).added == 96
    assert len(file_store.runs()) == 1


def test_a_fault_in_the_last_file_stores_none_of_them(file_store, tmp_path, pair_list):
    write_scores(tmp_path / "a.csv", pair_list())
    (tmp_path / "b.csv").write_text(f"{HEADER}\n{ROW.replace('0.3', '7')}\n")
    with pytest.raises(CadenzaError, match=r"b\.csv, line 2, left_drums"):
        import_scores(
            file_store, [tmp_path / "a.csv", tmp_path / "b.csv"], evaluation_set=SET, system=ScoredSystem("ours")
        )
    assert len(file_store.scores()) == 0


def test_an_import_that_is_cancelled_stores_nothing(load, file_store):
    def cancel(done, text):
        if text == "storing":
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        load(f"{HEADER}\n{ROW}\n", progress=cancel)
    assert len(file_store.scores()) == 0
    assert load(f"{HEADER}\n{ROW}\n").added == 8  # and the store is as usable as before


# ---- folders ---------------------------------------------------------------------------------------------------------


def record(folder: Path, song: str, listener: str, **change) -> None:
    content = {
        "song": song, "listener": listener, "system": "preview", "separation": "abc", "gains_db": {}, "compressor": None,
        "soft_clip": True, "segments": None, "remix_samples_beyond_full_scale": 3, "notes": [], "cadenza_studio": "1",
        "written": "2026-01-01T00:00:00Z", **change,
    }  # fmt: skip
    (folder / "records").mkdir(parents=True, exist_ok=True)
    (folder / "records" / f"{listener}_{song}.json").write_text(json.dumps(content))


def test_a_folder_of_submissions_with_records(file_store, tmp_path, pair_list):
    for seed, name in enumerate(("E001", "E002")):
        write_scores(tmp_path / name / "scores.csv", pair_list(seed=seed))
        record(tmp_path / name, "Song 0", "L5000")
    (tmp_path / "E001" / "enhanced_signals" / "L5000" / "scores.csv").mkdir(parents=True)
    report = import_scores(file_store, [tmp_path], evaluation_set=SET)
    assert report.added == 192
    assert sorted(file_store.systems()["name"]) == ["E001", "E002"]
    found = remixes(file_store)
    assert found[["system", "song", "listener"]].values.tolist() == [
        ["E001", "Song 0", "L5000"],
        ["E002", "Song 0", "L5000"],
    ]
    record(tmp_path / "E001", "Song 0", "L5000", written="2026-02-02T00:00:00Z")
    again = import_scores(file_store, [tmp_path], evaluation_set=SET)
    assert (again.added, again.unchanged, len(remixes(file_store))) == (0, 192, 2)


def test_one_name_for_several_submissions_is_refused(file_store, tmp_path, pair_list):
    for name in ("E001", "E002"):
        write_scores(tmp_path / name / "scores.csv", pair_list())
    with pytest.raises(CadenzaError, match=r"holds 2 submissions \(E001, E002\): they name themselves"):
        import_scores(file_store, [tmp_path], evaluation_set=SET, system=ScoredSystem("ours"))
    report = import_scores(file_store, [tmp_path], evaluation_set=SET, about={"team": "T"})
    assert report.added == 192 and set(file_store.systems()["team"]) == {"T"}


def test_records_that_are_damaged_are_said(file_store, tmp_path, pair_list):
    write_scores(tmp_path / "E001" / "scores.csv", pair_list())
    record(tmp_path / "E001", "Song 0", "L5000")
    (tmp_path / "E001" / "records" / "bad.json").write_text('{"song": "only"}')
    report = import_scores(file_store, [tmp_path / "E001"], evaluation_set=SET)
    assert any("1 records could not be read: bad.json" in note for note in report.notes)
    assert len(remixes(file_store)) == 1


def test_a_folder_without_scores_says_what_is_missing(tmp_path):
    (tmp_path / "enhanced_signals").mkdir()
    with pytest.raises(CadenzaError, match="holds no submission: no folder in it has a table"):
        find_submissions(tmp_path)


def test_presets_of_the_studio(file_store, tmp_path):
    presets = Presets(tmp_path / "presets")
    presets.save("demo", "N3", "Soft", MixSettings())
    presets.save("demo", "N3", "Loud", MixSettings(master_db=3))
    (tmp_path / "presets" / "x").mkdir()
    (tmp_path / "presets" / "x" / "bad.json").write_text("{")
    report = import_presets(file_store, presets.folder)
    assert (report.added, report.unchanged, report.conflicts) == (2, 0, 0)
    assert "1 presets could not be read" in report.notes[0]
    presets.save("demo", "N3", "Soft", MixSettings(master_db=-6))
    again = import_presets(file_store, presets.folder)
    assert (again.added, again.unchanged, again.conflicts) == (0, 1, 1)
    assert json.loads(again.conflict_rows.loc[0, "stored"])["master_db"] == 0.0
    assert json.loads(again.conflict_rows.loc[0, "given"])["master_db"] == -6.0


# ---- size ------------------------------------------------------------------------------------------------------------


def read_in_small_parts(path: Path) -> None:
    tables._ROWS = 500
    rows = 0
    with open_table(path) as table:
        for part in table.parts:
            rows += len(part)
            part.numbers("left_bass")
    assert rows == 20_000


def test_a_large_table_is_read_in_bounded_memory(tmp_path):
    """As 500 MB are: in parts. Here 8 MB in parts of 500 rows; the whole 500 MB are in `benchmarks.leaderboard`."""
    path = tmp_path / "scores.csv"
    with path.open("w") as file:
        file.write(f"{HEADER}\n")
        for number in range(20_000):
            file.write(f"Song {number % 50},L{number},0.45,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8{' ' * 330}\n")
    assert path.stat().st_size > 7_000_000
    assert peak_memory(read_in_small_parts, path) < 2_500_000


def test_a_file_that_is_gone_is_a_sentence(file_store, tmp_path):
    with pytest.raises(CadenzaError, match="cannot be read as a table of text: No such file"):
        import_scores(file_store, [tmp_path / "gone.csv"], evaluation_set=SET, system=ScoredSystem("x"))


def test_one_pair_scored_here_is_the_same_number_as_its_table(file_store, tmp_path):
    pair = PairScore("S", "L", dict(zip(NAMES, np.random.default_rng(1).uniform(0, 1, 8).tolist(), strict=True)))
    write_scores(tmp_path / "scores.csv", [pair])
    import_scores(file_store, [tmp_path / "scores.csv"], evaluation_set=SET, system=ScoredSystem("ours"))
    assert eight(file_store) == dict(pair.haaqi)
