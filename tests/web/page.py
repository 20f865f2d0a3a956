"""The page of `fathom serve` in a real Chromium: search, ask, navigation, keys, injections.

    make test-web        (or: tests/web/page.py target/release/fathom)

Screenshots are left in target/web/screenshots.
"""

import os
import re
import shutil
import sys

from served import HOSTILE, TARGET, Served, use

use("playwright")
from playwright.sync_api import expect, sync_playwright  # noqa: E402

SHOTS = TARGET / "web" / "screenshots"


def settled(page):
    expect(page.locator("#message")).to_contain_text(re.compile(r"\d+ results? in"))
    page.wait_for_function("!document.body.classList.contains('busy')")


def search(page, query):
    page.get_by_role("searchbox").fill(query)
    page.wait_for_url(lambda url: "q=" in url)
    settled(page)


def searching_as_one_types(page):
    page.get_by_role("searchbox").press_sequentially("writer lock", delay=10)
    page.wait_for_url("**#q=writer+lock")
    settled(page)
    first = page.locator(".result").first
    expect(first).to_contain_text("lock")
    assert first.locator(".k").count() > 0, "no keyword has a colour"
    assert first.locator("mark").count() > 0, "no word is marked"
    first.locator("summary").click()
    expect(first.locator(".signals")).to_contain_text("late")
    page.screenshot(path=SHOTS / "search-light.png")
    page.reload()
    expect(page.locator(".result").first).to_contain_text("lock")


def filters_narrow_the_results(page):
    search(page, "lock")
    page.get_by_label("language").select_option("python")
    expect(page.locator(".where").first).to_contain_text("colour.py")
    page.get_by_label("language").select_option("")
    page.get_by_label("kind").select_option("impl")
    expect(page.locator(".where").first).to_contain_text("store.rs")
    page.get_by_label("kind").select_option("")
    page.get_by_label("files").fill("docs/**")
    expect(page.locator(".where").first).to_contain_text("guide.md")
    page.get_by_label("files").fill("")
    page.locator("#mode").select_option("regex")
    page.get_by_role("searchbox").fill("acquire_[a-z]+")
    expect(page.locator(".where").first).to_contain_text("rs:")
    page.get_by_role("searchbox").fill("acquire_(")
    expect(page.locator("#message.bad")).to_contain_text("regular expression")


def keys_do_everything(page):
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("writer lock")
    expect(page.locator(".result").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".where").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".where").nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("#panel")).to_be_visible()
    expect(page.locator("#panel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
    expect(page.locator(".where").first).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.get_by_role("searchbox")).to_be_focused()


def cards_lead_to_cards(page):
    search(page, "acquire_lock")
    page.locator(".result", has_text="Takes the writer lock").locator(".where").first.click()
    card = page.locator("#panel .card")
    expect(card).to_contain_text("Called by")
    expect(page.locator("#panel .proof")).to_contain_text("claims verified")
    page.screenshot(path=SHOTS / "card-light.png")
    card.get_by_role("button", name=re.compile("write")).first.click()
    expect(page.locator("#panel .card h2")).to_contain_text("write")
    page.get_by_role("button", name="← Back").click()
    expect(page.locator("#panel .card h2")).to_contain_text("acquire_lock")
    link = page.locator("#panel .editor").first.get_attribute("href")
    assert re.fullmatch(r"vscode://file/.*/tree/src/lock\.rs:\d+", link), link


def answers_are_cited(page):
    page.get_by_role("button", name="Ask").first.click()
    page.get_by_role("searchbox").fill("who waits for the writer lock")
    page.keyboard.press("Enter")
    expect(page.locator("#message")).to_contain_text("answered")
    answer = page.locator(".answer")
    expect(answer.locator(".prose")).to_contain_text("waits for the writer lock")
    expect(answer.locator(".sources")).to_contain_text("lock.rs")
    expect(answer.locator(".proof")).to_contain_text("claims verified")
    assert answer.locator("img, a, iframe, script").count() == 0, "something of the answer was rendered"
    page.screenshot(path=SHOTS / "answer-light.png")
    answer.locator("button.citation").first.click()
    expect(page.locator("#panel .chosen").first).to_be_visible()
    expect(page.locator("#panel")).to_contain_text("acquire_lock")
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=SHOTS / "answer-dark.png")


def names_and_code_are_only_text(page):
    search(page, "hostile_entropy")
    hit = page.locator(".result").first
    expect(hit.locator(".where")).to_contain_text(HOSTILE)
    expect(hit).to_contain_text("<script>window.stolen=4</script>")
    expect(hit).to_contain_text("\\u{202e}")
    hit.locator(".where").click()
    expect(page.locator("#panel")).to_contain_text("hostile_entropy")
    page.locator("#panel .place").first.click()
    expect(page.locator("#panel")).to_contain_text("evil.example")
    assert page.locator("main img, main iframe, main script").count() == 0
    assert "<img" not in (page.locator(".result .editor").first.get_attribute("href") or "")
    page.mouse.move(200, 300)
    assert page.evaluate("window.stolen") is None


def narrow_and_dark(page):
    page.emulate_media(color_scheme="dark")
    search(page, "writer lock")
    page.screenshot(path=SHOTS / "search-dark.png")
    page.set_viewport_size({"width": 360, "height": 740})
    page.screenshot(path=SHOTS / "search-360.png")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360, f"it is {width} wide"
    page.locator(".where").first.click()
    expect(page.locator("#panel .card")).to_be_visible()
    page.screenshot(path=SHOTS / "card-360.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="Close").click()
    page.emulate_media(color_scheme="light")
    page.screenshot(path=SHOTS / "search-360-light.png")


def everything_has_a_name(page):
    search(page, "writer lock")
    page.locator(".where").first.click()
    expect(page.locator("#panel .card")).to_be_visible()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, a")].filter((one) =>
            !(one.textContent.trim() || one.getAttribute("aria-label") || one.labels?.length)).map((one) => one.outerHTML)"""
    )
    assert nameless == [], nameless
    # Contrast of the texts against what is behind them, by WCAG's formula.
    for scheme in ["light", "dark"]:
        page.emulate_media(color_scheme=scheme)
        poor = page.evaluate(CONTRAST)
        assert poor == [], f"{scheme}: {poor}"


CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return canvas.getImageData(0, 0, 1, 1).data; };
  const light = (colour) => { const [r, g, b] = [...rgba(colour)].map((v) => v / 255).map((v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const behind = (one) => { for (let at = one; at; at = at.parentElement) { const colour = getComputedStyle(at).backgroundColor; if (rgba(colour)[3] === 255) return colour; } return "white"; };
  const poor = new Set();
  for (const one of document.querySelectorAll(".name, .folder, .file, .kind, .confidence, .faint, .k, .s, .n, .c, .t, .f, .status, .message, .action")) {
    if (!one.offsetParent || !one.textContent.trim()) continue;
    const [a, b] = [light(getComputedStyle(one).color), light(behind(one))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) poor.add(`${one.className} ${((a + .05) / (b + .05)).toFixed(2)}`);
  }
  return [...poor];
}"""


def a_token_is_asked_for(page, url, token):
    page.goto(url)
    expect(page.get_by_role("dialog")).to_contain_text("asks for a token")
    page.locator("#token").fill(token)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#status-text")).to_contain_text("files")
    search(page, "lock")
    page.evaluate("sessionStorage.clear()")
    page.goto("about:blank")
    page.goto(f"{url}#token={token}")
    expect(page.locator("#status-text")).to_contain_text("files")
    assert token not in page.url


TESTS = [
    searching_as_one_types,
    filters_narrow_the_results,
    keys_do_everything,
    cards_lead_to_cards,
    answers_are_cited,
    names_and_code_are_only_text,
    narrow_and_dark,
    everything_has_a_name,
]


class Watched:
    """A page on which nothing may go wrong, and which asks only its own server."""

    def __init__(self, browser, url):
        self.page = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme="light")
        self.page.set_default_timeout(15_000)
        self.wrong = []
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("console", self.console)
        self.page.on("request", lambda request: request.url.startswith(url) or self.wrong.append(f"asked {request.url}"))

    def console(self, message):
        # What a wrong pattern or a missing token is answered is expected.
        if message.type == "error" and not re.search("status of 40[01]", message.text):
            self.wrong.append(message.text)

    def close(self):
        self.page.close()
        assert self.wrong == [], self.wrong


def chromium():
    named = os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
    return found or sys.exit("Chromium is missing; run `scripts/web.sh browser`")


def main(program):
    SHOTS.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=15_000)
    token = "correct-horse-battery-staple"
    with sync_playwright() as playwright:
        sandbox = [] if os.getuid() else ["--no-sandbox"]
        browser = playwright.chromium.launch(executable_path=chromium(), args=sandbox)
        served = Served(program)
        try:
            for test in TESTS:
                watched = Watched(browser, served.url)
                watched.page.goto(served.url)
                expect(watched.page.locator("#status-text")).to_contain_text("files")
                test(watched.page)
                watched.close()
                print("ok  ", test.__name__)
        finally:
            served.stop()
        served = Served(program, variables={"FATHOM_TOKEN": token})
        try:
            watched = Watched(browser, served.url)
            watched.wrong = []
            a_token_is_asked_for(watched.page, served.url, token)
            print("ok   a_token_is_asked_for")
        finally:
            served.stop()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(TARGET / "release" / "fathom"))
