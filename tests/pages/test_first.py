"""The demo song is made by another process while the server is imported, once."""

from pages.widgets import first


def test_the_demo_song_is_made_aside_and_found(settings, monkeypatch):
    monkeypatch.setenv("CADENZA_HOME", str(settings.home))
    process = first.begin(settings)
    assert process is not None
    assert process.wait(timeout=120) == 0
    made = {path.name for path in (settings.home / "demo").rglob("*.wav")}
    assert made == {f"{part}.wav" for part in ("mixture", "vocals", "drums", "bass", "other")}
    assert first.begin(settings) is None

    def fail(*_, **__):
        raise AssertionError("made a second time")

    monkeypatch.setattr("cadenza_core.catalog.demo.render_demo", fail)
    assert set(first.first_sound(settings).stems.sounds) == {"vocals", "drums", "bass", "other"}
