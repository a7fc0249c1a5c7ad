"""A participant in front of the page: what is clicked, pressed and heard, for the tests and the benchmark.

Playwright's waiting for a condition needs `eval`, which the page's policy forbids: contexts have ``bypass_csp=True``, but for
what says otherwise.
"""

from typing import Any

ENGINE = "cadenzaListen.engine"


def open_link(context: Any, url: str, code: str) -> Any:
    """Open a participant's link; what the browser was told is kept in `told`, script errors and other hosts in `faults`."""
    page = context.new_page()
    page.set_default_timeout(20000)
    page.told, page.faults = [], []
    page.on("console", lambda message: page.told.append(message.text))
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("request", lambda one: page.told.append(f"{one.url} {one.post_data or ''}"))
    page.on("request", lambda one: None if one.url.startswith((url, "data:")) else page.faults.append(one.url))
    page.on("response", lambda one: page.told.append(str(one.headers)))
    page.goto(f"{url}/listen/{code}")
    page.wait_for_selector("main:not([aria-busy]) h1")
    return page


def begin(page: Any, *, headphones: bool = False) -> None:
    """Go from the welcome to the first trial: consent, volume, headphones."""
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Begin").click()
    set_volume(page)
    if headphones:
        check_headphones(page)
    page.wait_for_selector(".trial")


def set_volume(page: Any) -> None:
    page.get_by_role("heading", name="How loud?").wait_for()
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="This is comfortable").click()  # once it is enabled: something was heard


def check_headphones(page: Any) -> None:
    """Answer as somebody with headphones does, with :data:`NO_CHANCE` in the page."""
    for side in ("Right", "Left"):
        page.get_by_role("button", name="Play the tone").click()
        page.get_by_role("button", name=side).click()
    for _ in range(6):
        page.get_by_role("button", name="Play three tones").click()
        page.get_by_role("button", name="Second").click()


#: Every shuffle gives the same: right before left, and the softest tone second.
NO_CHANCE = "Math.random = () => 0"


def hear_all(page: Any) -> None:
    """Play every sound of the trial for as long as is asked for."""
    page.wait_for_function(f"{ENGINE}.isReady")
    places = page.evaluate(f"{ENGINE}.sounds.map(({{ id }}) => id)")
    for place in places:
        if len(places) > 1:
            page.keyboard.press(place)
        elif not page.evaluate(f"{ENGINE}.playing"):
            page.get_by_role("button", name="Play", exact=True).click()
        page.wait_for_function(
            "(place) => !document.querySelector('.missing').textContent.includes('listen')"
            " || document.querySelector(`.sound kbd`) && [...document.querySelectorAll('.sound')]"
            ".some((one) => one.querySelector('kbd').textContent === place && !one.querySelector('.heard').hidden)",
            arg=place,
        )


def answer(page: Any, step: int = 3) -> None:
    """Answer every question: sliders by the keyboard, choices by their first option."""
    for slider in page.locator(".slider input").all():
        slider.focus()
        for _ in range(step):
            page.keyboard.press("ArrowRight")
    for group in page.get_by_role("radiogroup").all():
        group.get_by_role("radio").first.check(force=True)


def submit(page: Any) -> None:
    """Send the answer, and wait for what comes next."""
    before = page.locator(".count").inner_text()
    page.get_by_role("button", name="Next").click()
    page.wait_for_function(
        "(before) => document.querySelector('.count')?.textContent !== before",
        arg=before,
    )
    ready = page.get_by_role("heading", name="Ready?")
    if ready.count():
        page.get_by_role("button", name="Begin").click()


def do_trial(page: Any) -> None:
    hear_all(page)
    answer(page)
    submit(page)
