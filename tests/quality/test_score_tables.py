"""`scores.csv`: the bytes of pyclarity's ResultsFile, and what is read back."""

import math
from pathlib import Path

import numpy as np
import pytest
from clarity.utils.results_support import ResultsFile

from cadenza_core.errors import CadenzaError
from cadenza_core.quality import PairScore, read_scores, write_scores

#: The recipe's header, transcribed from recipes/cad1/task1/baseline/evaluate.py.
HEADER = [
    "song",
    "listener",
    "score",
    "left_bass",
    "right_bass",
    "left_drums",
    "right_drums",
    "left_other",
    "right_other",
    "left_vocals",
    "right_vocals",
]
NAMES = [f"{ear}_{stem}" for stem in ("drums", "bass", "other", "vocals") for ear in ("left", "right")]
SONGS = ["Actions - One Minute Smile", 'The "Quoted", Comma', "Ätöm 日本", "line\nbreak"]


def pairs() -> list[PairScore]:
    rng = np.random.default_rng(8)
    return [PairScore(song, "L0001", dict(zip(NAMES, rng.random(8), strict=True))) for song in SONGS]


def write_officially(path: Path, scores: list[PairScore]) -> None:
    """As evaluate.py does, with NumPy's numbers as pyclarity gives them."""
    results = ResultsFile(file_name=path, header_columns=HEADER)
    for pair in scores:
        values = {name: np.float64(value) for name, value in pair.haaqi.items()}
        score = float(np.mean(list(values.values())))
        results.add_result({"song": pair.song, "listener": pair.listener, "score": score, **values})


def with_line(path: Path, line: str) -> Path:
    path.write_bytes((",".join(HEADER) + "\r\n" + line + "\r\n").encode())
    return path


def test_same_bytes_as_the_official_table(tmp_path: Path) -> None:
    write_scores(tmp_path / "ours.csv", pairs())
    write_officially(tmp_path / "official.csv", pairs())
    assert (tmp_path / "ours.csv").read_bytes() == (tmp_path / "official.csv").read_bytes()


def test_no_scores_are_a_header(tmp_path: Path) -> None:
    write_scores(tmp_path / "ours.csv", [])
    write_officially(tmp_path / "official.csv", [])
    assert (tmp_path / "ours.csv").read_bytes() == (tmp_path / "official.csv").read_bytes()
    assert read_scores(tmp_path / "ours.csv") == []


def test_reads_back_its_own_to_the_last_digit(tmp_path: Path) -> None:
    write_scores(tmp_path / "scores.csv", pairs())
    assert read_scores(tmp_path / "scores.csv") == pairs()


def test_reads_the_official_table_and_finds_its_mean(tmp_path: Path) -> None:
    write_officially(tmp_path / "scores.csv", pairs())
    read = read_scores(tmp_path / "scores.csv")
    assert read == pairs()
    assert read[0].score == float(np.mean([np.float64(value) for value in pairs()[0].haaqi.values()]))


def test_stem_without_a_score_is_an_empty_cell_and_comes_back(tmp_path: Path) -> None:
    haaqi = {**pairs()[0].haaqi, "left_bass": math.nan}
    write_scores(tmp_path / "scores.csv", [PairScore("Song", "L1", haaqi)])
    cells = (tmp_path / "scores.csv").read_text(encoding="utf-8").splitlines()[1].split(",")
    assert cells[HEADER.index("left_bass")] == ""
    read = read_scores(tmp_path / "scores.csv")[0]
    assert math.isnan(read.haaqi["left_bass"])
    assert read.score == pytest.approx(np.mean([value for value in haaqi.values() if not math.isnan(value)]))
    assert len(read.notes) == 1


def test_byte_order_mark_further_columns_and_another_order_are_read(tmp_path: Path) -> None:
    path = tmp_path / "excel.csv"
    header = ["comment", *reversed(HEADER)]
    numbers = [str(n / 10) for n in range(8, 0, -1)]
    row = ["checked", *numbers, "0.45", "L2", "Song"]
    path.write_bytes(b"\xef\xbb\xbf" + (",".join(header) + "\n" + ",".join(row) + "\n").encode())
    (pair,) = read_scores(path)
    assert (pair.song, pair.listener) == ("Song", "L2")
    assert pair.haaqi["left_bass"] == 0.1
    assert pair.haaqi["right_vocals"] == 0.8


@pytest.mark.parametrize("content", [b"", b"\r\n", b"song,listener,score\r\nA,L1,0.5\r\n", b'{"score": 1}'])
def test_what_is_not_a_score_table_is_a_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_bytes(content)
    with pytest.raises(CadenzaError, match=r"not a score table.*left_bass"):
        read_scores(tmp_path / "scores.csv")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00a", ("a,b\r\n" + '"' + "x" * 200_000).encode()])
def test_what_is_not_text_is_a_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_bytes(content)
    with pytest.raises(CadenzaError, match="cannot be read as a score table"):
        read_scores(tmp_path / "scores.csv")


def test_missing_table_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CadenzaError, match="cannot be read"):
        read_scores(tmp_path / "none.csv")


@pytest.mark.parametrize("line", ["Song,L1,0.5,0.1", "Song,L1,0.5,1,2,3,4,5,6,7,8,9"])
def test_row_of_another_length_is_a_sentence_with_its_line(line: str, tmp_path: Path) -> None:
    with pytest.raises(CadenzaError, match="line 2: the number of cells"):
        read_scores(with_line(tmp_path / "scores.csv", line))


@pytest.mark.parametrize("cell", ["good", "0,5", "inf", "-inf", "0x1"])
def test_cell_that_is_no_number_is_a_sentence_with_line_and_column(cell: str, tmp_path: Path) -> None:
    with pytest.raises(CadenzaError, match=r"line 2, right_drums: .* is not a finite number"):
        read_scores(with_line(tmp_path / "scores.csv", f'Song,L1,0.5,0.1,0.1,0.1,"{cell}",0.1,0.1,0.1,0.1'))


def test_name_that_is_not_utf8_is_a_sentence_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(CadenzaError, match="not UTF-8"):
        write_scores(tmp_path / "scores.csv", [PairScore("caf\udce9", "L1", pairs()[0].haaqi)])
    assert list(tmp_path.iterdir()) == []


def test_table_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CadenzaError, match="Cannot write"):
        write_scores(tmp_path / "file" / "scores.csv", pairs())
