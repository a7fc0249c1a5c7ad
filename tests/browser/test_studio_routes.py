"""What the studio's own routes answer: ranges, tags, and nothing beyond what is meant to be fetched."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cadenza_core.playback.sounds import Sounds, sound_id

from .studio_server import ask, serve

ID = sound_id("routes")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, noise, with_demo) -> Path:
    home = with_demo(tmp_path_factory.mktemp("routes") / "home")
    sounds = Sounds(home / "cache" / "playback")
    sounds.put(ID, {"vocals": noise(20000), "drums": noise(20000) * 9}, 44100)
    (home / "config.toml").write_text("music = []\n")
    return home


@pytest.fixture(scope="module")
def base(home: Path) -> Iterator[str]:
    pytest.importorskip("streamlit")
    with serve(home) as (url, _):
        yield url


def test_a_sound_comes_whole_with_its_length_and_never_changes(base: str, home: Path) -> None:
    status, headers, content = ask(f"{base}/audio/{ID}/vocals.flac")
    assert status == 200
    assert content == (home / "cache" / "playback" / ID / "vocals.flac").read_bytes()
    assert headers["content-type"] == "audio/flac"
    assert int(headers["content-length"]) == len(content)
    assert "immutable" in headers["cache-control"]
    assert headers["x-content-type-options"] == "nosniff"


def test_a_range_is_that_part(base: str) -> None:
    _, headers, whole = ask(f"{base}/audio/{ID}/vocals.flac")
    status, part, content = ask(f"{base}/audio/{ID}/vocals.flac", Range="bytes=100-199")
    assert (status, content) == (206, whole[100:200])
    assert part["content-range"] == f"bytes 100-199/{len(whole)}"
    status, _, content = ask(f"{base}/audio/{ID}/vocals.flac", Range="bytes=-50")
    assert (status, content) == (206, whole[-50:])
    assert ask(f"{base}/audio/{ID}/vocals.flac", Range=f"bytes={len(whole)}-")[0] == 416
    assert ask(f"{base}/audio/{ID}/vocals.flac", Range="bytes=0-9", If_Range=headers["etag"])[0] == 206
    assert ask(f"{base}/audio/{ID}/vocals.flac", Range="bytes=0-9", If_Range='"another"')[0] == 200


def test_a_known_tag_is_answered_without_content(base: str) -> None:
    _, headers, _ = ask(f"{base}/audio/{ID}/vocals.flac")
    status, again, content = ask(f"{base}/audio/{ID}/vocals.flac", If_None_Match=headers["etag"])
    assert (status, content, again["etag"]) == (304, b"", headers["etag"])
    assert ask(f"{base}/audio/{ID}/drums.wav")[1]["etag"] != headers["etag"]


def test_peaks_are_pairs_of_bytes(base: str) -> None:
    status, headers, content = ask(f"{base}/peaks/{ID}/drums")
    assert (status, len(content), headers["content-type"]) == (200, 2 * 8192, "application/octet-stream")


def test_levels_are_measured_when_asked_for_and_never_change(base: str, home: Path) -> None:
    status, headers, content = ask(f"{base}/levels/{ID}")
    assert (status, len(content) % (2 * 2 * 25 * 4)) == (200, 0)
    assert "immutable" in headers["cache-control"] and headers["content-type"] == "application/octet-stream"
    assert ask(f"{base}/levels/{ID}")[2] == content
    assert ask(f"{base}/levels/{ID}", Sec_Fetch_Site="cross-site")[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "audio/{id}/other.flac",
        "audio/{id}/manifest.json",
        "audio/{id}/vocals.peaks",
        "audio/{id}/..%2f..%2f..%2fconfig.toml",
        "audio/{id}/../../../config.toml",
        "audio/%2e%2e/config.toml",
        "audio/../../config.toml",
        "audio/00000000000000000000000000000000/vocals.flac",
        "peaks/{id}/..%2fmanifest.json",
        "peaks/{id}/nothing",
        "levels/00000000000000000000000000000000",
        "levels/..%2f..%2fconfig.toml",
        "levels/../config.toml",
        "assets/audibility/../../app.py",
        "assets/audibility/nothing.js",
        "exports/../config.toml",
        "exports/..%2f..%2fetc/passwd",
        "exports/00000000000000000000000000000000/x.wav",
        "assets/mixer/../../app.py",
        "assets/mixer/%2e%2e/%2e%2e/app.py",
        "assets/mixer/nothing.js",
    ],
)
def test_nothing_else_can_be_reached(base: str, path: str) -> None:
    status, _, content = ask(f"{base}/{path.format(id=ID)}")
    assert status == 404
    assert b"music" not in content and b"import" not in content


def test_a_page_of_another_site_gets_nothing(base: str) -> None:
    assert ask(f"{base}/audio/{ID}/vocals.flac", Sec_Fetch_Site="cross-site")[0] == 404
    assert ask(f"{base}/audio/{ID}/vocals.flac", Sec_Fetch_Site="same-origin")[0] == 200


def test_the_mixers_files_are_asked_about_each_time(base: str) -> None:
    status, headers, _ = ask(f"{base}/assets/mixer/index.js")
    assert (status, headers["cache-control"]) == (200, "no-cache")
    assert headers["content-type"].startswith("text/javascript")
    assert ask(f"{base}/assets/mixer/index.js", If_None_Match=headers["etag"])[0] == 304
