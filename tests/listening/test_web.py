"""The routes: what other sites, forged links and odd requests get; and what stands in headers."""

import json
import urllib.error
import urllib.request

import pytest

from cadenza_core.errors import CadenzaError
from cadenza_core.listening import web
from cadenza_core.listening.panels import participants_frame
from cadenza_core.listening.running import Running
from tests.browser.harness.server import serve_app

from .made import answer_to, make_test


def ask(url, content=None, **headers):
    data = content if isinstance(content, bytes) or content is None else json.dumps(content).encode()
    request = urllib.request.Request(url, data, {name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, dict(answer.headers), answer.read()


@pytest.fixture
def site(store, settings, tmp_path):
    make_test(store, settings, tmp_path, "panel", 2, 2)
    with serve_app(web.participants_app(Running(store, settings))) as url:
        yield url, participants_frame(store, "test1")["participant"].tolist()


def test_the_routes_give_a_participant_what_is_theirs_and_nobody_anything_else(site):
    url, (code, other) = site
    status, headers, content = ask(f"{url}/listen/{code}")
    assert status == 200 and b"<main" in content
    assert "default-src 'self'" in headers["content-security-policy"] and headers["referrer-policy"] == "no-referrer"
    status, _, content = ask(f"{url}/listen/{code}/open", {})
    state = json.loads(content)
    assert status == 200 and state["done"] == 0
    address = state["trial"]["sounds"][0]["url"]
    status, headers, content = ask(url + address)
    assert (status, headers["content-type"], content[:4]) == (200, "audio/flac", b"fLaC")
    assert "Sys" not in str(headers) and headers["last-modified"] == "Thu, 01 Jan 1970 00:00:00 GMT"
    assert ask(url + address, Range="bytes=0-3")[2] == b"fLaC"
    for path in (address.replace(code, other), address[:-1], address + "0", address.replace("/1/1/", "/1/2/")):
        assert ask(url + path)[0] == 404
    assert ask(url + address, Sec_Fetch_Site="cross-site")[0] == 404
    for path in (
        "/",
        "/listen",
        "/listen/",
        "/assets/listen/../../app.py",
        "/assets/listen/%2e%2e/%2e%2e/app.py",
        "/challenge",
    ):
        assert ask(url + path)[0] in {404, 405}, path
    tab = state["tab"]
    good = {**answer_to(state), "tab": tab}
    bad = [
        (400, b"{", {}),
        (400, b"[1]", {}),
        (400, b"\xff", {}),
        (413, b'"' + b"x" * 2_100_000 + b'"', {}),
        (403, good, {"Sec_Fetch_Site": "cross-site"}),
        (403, good, {"Origin": "http://evil.example"}),
        (409, {**good, "tab": 7}, {}),
        (404, {**good, "trial": None}, {}),
        (422, {**good, "ratings": {"1": {"clarity": 5}}}, {}),
    ]
    for status, content, headers in bad:
        found, _, said = ask(f"{url}/listen/{code}/answers", content, **headers)
        assert found == status and json.loads(said)["text"], (status, said)
    assert ask(f"{url}/listen/{code}/answers")[0] == 405
    status, _, said = ask(f"{url}/listen/{code}/answers", good, Origin=url)
    assert status == 200 and json.loads(said)["done"] == 1


def test_a_database_that_cannot_be_written_asks_for_patience(site, monkeypatch):
    url, (code, _) = site

    def fail(*_):
        raise CadenzaError("The database is full.")

    monkeypatch.setattr(Running, "open", fail)
    status, _, content = ask(f"{url}/listen/{code}/open", {})
    assert (status, json.loads(content)["reason"]) == (503, "server")  # the page tries again


def test_without_the_pages_files_it_says_so(store, settings, monkeypatch, tmp_path):
    monkeypatch.setattr(web, "ASSETS", tmp_path)
    with pytest.raises(CadenzaError, match="run this from a checkout"):
        web.participants_app(Running(store, settings))
