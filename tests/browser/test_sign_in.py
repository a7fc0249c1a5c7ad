"""Sign-in by OpenID Connect, against a provider that runs here: nothing without it, and what each role has with it."""

from collections.abc import Iterator
from typing import Any

import pytest

from cadenza_core.playback.sounds import Sounds, sound_id

from .harness import server
from .identity import Provider, provider, write_secrets
from .studio_server import ask, serve, wait_ready

ID = sound_id("sign in")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, noise: Any, with_demo: Any) -> Iterator[tuple[str, Provider]]:
    home = with_demo(tmp_path_factory.mktemp("sign_in") / "home")
    Sounds(home / "cache" / "playback").put(ID, {"vocals": noise(20000)}, 44100)
    (home / "people.toml").write_text('"ana@lab.org" = "researcher"\n', encoding="utf-8")
    port = server.free_port()
    with provider() as issuer:
        place = write_secrets(home.parent / "secrets.toml", issuer, f"http://localhost:{port}")
        with serve(home, port, f"--secrets.files={place}") as (url, _):
            yield url, issuer


def enter(chromium: Any, url: str, issuer: Provider, **user: Any) -> Any:
    issuer.user = user
    page = chromium.new_context().new_page()
    page.goto(url)
    page.get_by_role("button", name="Sign in").click()
    wait_ready(page)
    return page


def test_without_sign_in_there_is_no_sound_and_no_page(chromium: Any, shared: tuple[str, Provider]) -> None:
    url, _ = shared
    assert ask(f"{url}/audio/{ID}/vocals.flac")[0] == 401
    assert ask(f"{url}/levels/{ID}")[0] == 401
    assert ask(f"{url}/audio/{ID}/vocals.flac", Cookie="_streamlit_user=forged")[0] == 401
    assert ask(f"{url}/assets/mixer/index.js")[0] == 200
    page = chromium.new_context().new_page()
    page.goto(f"{url}/challenge")
    page.get_by_role("button", name="Sign in").wait_for()
    assert not page.get_by_text("New run").count()
    page.context.close()


@pytest.mark.slow
def test_each_role_has_what_is_its_own(chromium: Any, shared: tuple[str, Provider]) -> None:
    url, issuer = shared
    viewer = enter(chromium, url, issuer, sub="2", email="eve@else.org", email_verified=True, name="Eve <b>x</b>")
    assert viewer.request.get(f"{url}/audio/{ID}/vocals.flac").status == 200
    assert viewer.request.get(f"{url}/exports/{ID}/x.wav").status == 403
    assert not viewer.get_by_text("Challenge", exact=True).count()
    assert not viewer.get_by_role("radio", name="Export").count()
    viewer.context.close()
    claimed = enter(chromium, url, issuer, sub="3", email="ana@lab.org", email_verified=False, name="Not Ana")
    assert claimed.request.get(f"{url}/exports/{ID}/x.wav").status == 403
    claimed.context.close()
    ana = enter(chromium, url, issuer, sub="1", email="ana@lab.org", email_verified=True, name="Ana")
    assert ana.request.get(f"{url}/exports/{ID}/x.wav").status == 404  # may ask; there is none
    ana.get_by_text("Challenge", exact=True).first.wait_for()
    ana.get_by_role("radio", name="Export").wait_for()
    ana.context.close()
