"""Who is answered: this machine alone without sign-in, each role what is its own with it; and what every answer carries."""

import asyncio
import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from starlette.responses import HTMLResponse

from cadenza_core.errors import CadenzaError
from cadenza_core.people import Role
from pages import access, routes

SECRET = "a secret that is long enough for a test"
ORIGIN = "https://studio.lab.org"


def ask(path, *, host="localhost:8501", client="127.0.0.1", cookies=None, kind="http"):
    """Send a request through `Edge`, to an application that answers a page; give status and headers."""
    headers = [(b"host", host.encode())]
    if cookies:
        headers.append((b"cookie", "; ".join(f"{name}={value}" for name, value in cookies.items()).encode("latin-1")))
    scope = {"type": kind, "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b""}
    scope |= {
        "headers": headers,
        "client": (client, 1),
        "scheme": "http",
        "server": ("localhost", 8501),
        "root_path": "",
    }
    sent = []

    async def receive():
        return {"type": f"{kind}.request" if kind == "http" else "websocket.connect"}

    async def send(message):
        sent.append(message)

    async def app(scope, receive, send):
        if kind == "http":
            await HTMLResponse("<p>page")(scope, receive, send)
        else:
            await send({"type": "websocket.accept"})

    with ThreadPoolExecutor(1) as thread:  # where a browser is driven in this thread, a loop runs in it
        thread.submit(asyncio.run, routes.Edge(app)(scope, receive, send)).result()
    if kind != "http":
        return sent[0]["type"]
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}


@pytest.fixture
def signed(monkeypatch, tmp_path):
    """Sign-in is on; gives a function that makes the cookies of somebody."""
    from streamlit.auth_util import set_cookie_with_chunks
    from streamlit.web.server.starlette import starlette_app_utils as utils

    section = {"cookie_secret": SECRET, "redirect_uri": f"{ORIGIN}/oauth2callback"}
    monkeypatch.setattr("streamlit.auth_util.get_secrets_auth_section", lambda: section)
    monkeypatch.setattr("streamlit.web.server.server_util.get_cookie_secret", lambda: SECRET)
    monkeypatch.setattr(access, "_home", lambda: tmp_path)
    access.sign_in_is_on.cache_clear()
    (tmp_path / "people.toml").write_text('"ana@lab.org" = "researcher"\n"*@lab.org" = "participant"\n')

    def cookies(secret=SECRET, origin=ORIGIN, **user):
        made = {}
        content = {"is_logged_in": True, "origin": origin, "iss": "x", "sub": "1", **user}
        set_cookie_with_chunks(
            lambda name, value: made.update({name: utils.create_signed_value(secret, name, value).decode()}),
            lambda name, value: utils.create_signed_value(secret, name, value),
            "_streamlit_user",
            content,
            cookie_attr_size=100,
        )
        return made

    yield cookies
    access.sign_in_is_on.cache_clear()


def status(path, **options):
    return ask(path, host="studio.lab.org", client="10.0.0.7", **options)[0]


def test_without_sign_in_only_this_machine_is_answered_by_its_own_names(monkeypatch):
    for host, client in (("localhost:8501", "127.0.0.1"), ("127.0.0.1", "::1"), ("[::1]:8501", "::ffff:127.0.0.1")):
        assert ask("/", host=host, client=client)[0] == 200
    for host, client in (
        ("localhost", "10.0.0.7"),
        ("evil.com:8501", "127.0.0.1"),
        ("localhost.evil.com", "127.0.0.1"),
    ):
        assert ask("/", host=host, client=client)[0] == 403
        assert ask("/_stcore/stream", host=host, client=client, kind="websocket") == "websocket.close"
    assert ask("/_stcore/stream", kind="websocket") == "websocket.accept"
    monkeypatch.setenv("CADENZA_TRUST_NETWORK", "1")
    assert ask("/", host="studio", client="10.0.0.7")[0] == 200


def test_every_route_of_ours_asks_who_it_is(signed):
    for route in routes.routes():
        path = route.path.replace("{", "").replace("}", "")
        open_to_all = path.startswith(("/assets/", "/listen/"))  # a listening test: whoever has a link, which it checks
        assert status(path) == (200 if open_to_all else 401), path
    assert status("/media/x.wav") == status("/_stcore/upload_file/a/b") == 401
    assert status("/") == 200


def test_a_role_has_its_own_and_what_is_below_it(signed):
    people = {
        Role.VIEWER: signed(email="eve@else.org"),
        Role.PARTICIPANT: signed(email="bo@lab.org"),
        Role.RESEARCHER: signed(email="Ana@Lab.org"),
    }
    for role, cookies in people.items():
        assert status("/audio/x/y.flac", cookies=cookies) == 200
        assert status("/runs/x/y.zip", cookies=cookies) == (200 if role is Role.RESEARCHER else 403)
        assert status("/_stcore/upload_file/a/b", cookies=cookies) == (200 if role is Role.RESEARCHER else 403)


def test_forged_foreign_unverified_and_broken_cookies_are_nobodys(signed):
    ana = {"email": "ana@lab.org"}
    assert status("/runs/x/y.zip", cookies=signed(**ana)) == 200
    for cookies in (
        signed(secret="another secret", **ana),
        signed(origin="https://else.org", **ana),
        signed(**ana, is_logged_in=False),
        {"_streamlit_user": "rubbish"},
        {"_streamlit_user": ""},
    ):
        assert status("/audio/x/y.flac", cookies=cookies) == 401
    assert status("/runs/x/y.zip", cookies=signed(**ana, email_verified=False)) == 403
    assert status("/runs/x/y.zip", cookies=signed()) == 403  # no address at all


def test_a_cookie_in_pieces_is_put_together(signed):
    cookies = signed(email="ana@lab.org", groups=[secrets.token_hex(40) for _ in range(80)])
    assert len(cookies) > 1
    assert status("/runs/x/y.zip", cookies=cookies) == 200


def test_roles_that_cannot_be_read_make_everybody_a_viewer(signed, tmp_path):
    (tmp_path / "people.toml").write_text("nonsense")
    assert status("/audio/x/y.flac", cookies=signed(email="ana@lab.org")) == 200
    assert status("/runs/x/y.zip", cookies=signed(email="ana@lab.org")) == 403
    with pytest.raises(CadenzaError, match=r"people\.toml"):
        access.announce()


def test_a_server_for_others_without_sign_in_does_not_start(monkeypatch):
    addresses = {"localhost": True, "127.0.0.1": True, "0.0.0.0": False, "": False, "10.0.0.7": False}
    for address, good in addresses.items():
        monkeypatch.setattr("streamlit.get_option", lambda name, address=address: address)
        if good:
            assert "this machine only" in access.announce()
        else:
            with pytest.raises(CadenzaError, match="Without sign-in"):
                access.announce()
    monkeypatch.setenv("CADENZA_TRUST_NETWORK", "1")
    assert "CADENZA_TRUST_NETWORK" in access.announce()


def test_every_answer_says_what_a_browser_may_do_with_it():
    _, page = ask("/", host="localhost:8501")
    assert (page["x-content-type-options"], page["x-frame-options"]) == ("nosniff", "SAMEORIGIN")
    assert page["referrer-policy"] == "same-origin"
    policy = page["content-security-policy"]
    assert "object-src 'none'" in policy and "frame-ancestors 'self'" in policy and "http:" not in policy
    assert "ws://localhost:8501" in policy
    _, refused = ask("/audio/../x")
    assert refused["content-security-policy"].startswith("default-src 'none'")
    assert ask("/audio/x/..\\y")[0] == 404


def test_people_share_a_server_and_see_only_their_own(signed, home, monkeypatch):
    """Two who have signed in: catalog and presets of each, by the same services."""
    from cadenza_core.people import Person
    from cadenza_core.remix import MixSettings
    from pages.widgets import services as module

    services, now = module.services(), {}
    monkeypatch.setattr(module, "person", lambda: now["who"])
    ana, bo = (Person(name, Role.RESEARCHER) for name in ("ana@lab.org", "bo@lab.org"))
    now["who"] = ana
    services.presets.save("s", "l", "loud", MixSettings())
    place = Path(services.settings.own) / "listeners" / "own.json"
    place.parent.mkdir(parents=True)
    levels = {f"audiogram_levels_{ear}": [20] * 6 for ear in "lr"}
    entry = {"name": "Ana's", "audiogram_cfs": [250, 500, 1000, 2000, 4000, 6000], **levels}
    place.write_text(json.dumps({"Ana's": entry}))
    assert "Ana's" in services.catalog().listeners and services.presets.all("s", "l")
    now["who"] = bo
    assert "Ana's" not in services.catalog().listeners and not services.presets.all("s", "l")
