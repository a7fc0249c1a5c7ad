"""Extract by description in a browser: a lane comes, sounds alone and not, and its rest is what the others lose."""

from typing import Any

import pytest

from cadenza_core.separation.lass.prompt import Prompt

from .studio_server import ENGINE, open_page, wait_ready
from .test_studio import context, query_has, shot  # noqa: F401

HIGH = Prompt("high tone")
#: The largest difference between what two mixes of the lanes give, rendered by the browser.
_RENDER = f"""async ([one, other]) => {{
  const engine = {ENGINE};
  const render = async (change) => {{
    const before = structuredClone(engine.settings);
    change(engine);
    const sound = await engine.render({{ hear: "remix" }});
    engine.apply(before);
    return sound;
  }};
  const mute = (names) => (engine) => names.forEach((name) => engine.setMute(name, true));
  const [a, b] = [await render(mute(one)), await render(mute(other))];
  let most = 0;
  for (let c = 0; c < 2; c++) {{
    const [x, y] = [a.getChannelData(c), b.getChannelData(c)];
    for (let i = 0; i < x.length; i++) most = Math.max(most, Math.abs(x[i] - y[i]));
  }}
  return most;
}}"""


def lanes(page: Any) -> list[str]:
    return list(page.evaluate(f"{ENGINE}.names"))


@pytest.mark.slow
def test_a_sentence_makes_a_lane_and_the_rest_is_what_is_left(studio: str, context: Any) -> None:  # noqa: F811
    page = open_page(context, studio, "?part=10-13")
    page.get_by_text("Extract by description").click()
    page.get_by_label("What do you hear?").fill("high tone")
    shot(page, "extract-asked")
    page.get_by_role("button", name="Extract", exact=True).click()
    page.wait_for_function(f"name => {ENGINE}.names.includes(name) && {ENGINE}.isReady", arg=HIGH.lane)
    assert lanes(page) == ["vocals", "drums", "bass", "other", HIGH.lane]
    lane = page.locator(f"[data-lane={HIGH.lane}]")
    assert "high tone" in lane.inner_text()
    shot(page, "extract-lane")
    stems = ["vocals", "drums", "bass", "other"]
    # Muted, it is missing; the original, in which all lanes sound, is as before.
    assert page.evaluate(_RENDER, [[], [HIGH.lane]]) > 1e-3
    assert page.evaluate(_RENDER, [stems, [*stems, HIGH.lane]]) > 1e-3
    lane.get_by_role("button", name="Solo high tone").click()
    query_has(page, f"{HIGH.lane}=0s")
    query_has(page, "extract=high tone")
    page.get_by_role("radio", name="one lane").or_(page.get_by_role("button", name="one lane")).first.click()
    page.wait_for_function(f"{ENGINE}.names.includes('x_rest') && {ENGINE}.isReady")
    assert lanes(page) == [HIGH.lane, "x_rest"]
    shot(page, "extract-rest")
    url = page.url
    page.close()
    other = open_page(context, studio, url.partition("/?")[2] and "?" + url.partition("/?")[2])
    other.wait_for_function(f"{ENGINE}.names.includes('x_rest') && {ENGINE}.isReady")
    wait_ready(other)
    other.wait_for_function(f"{ENGINE}.settings.gains['{HIGH.lane}'].solo")
