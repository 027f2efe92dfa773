"""The system's Chromium for tests of pages; a test is skipped where it is missing."""

import shutil
from contextlib import contextmanager

import pytest

CHROMIUM = shutil.which("chromium")


@contextmanager
def open_browser():
    """Start Chromium, and give a function that opens an address in a window of some width.

    The page has lists of what it told the console, ``errors``, and of what it asked for, ``requested``.
    """
    if not CHROMIUM:
        pytest.skip("there is no chromium: make browser installs it")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        def visit(address, width=1280):
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.set_default_timeout(300_000)
            page.errors, page.requested = [], []
            page.on("console", lambda said: page.errors.append(said.text) if said.type == "error" else None)
            page.on("pageerror", lambda error: page.errors.append(str(error)))
            page.on("request", lambda request: page.requested.append(request.url))
            page.on("websocket", lambda socket: page.requested.append(socket.url))
            page.goto(address)
            return page

        yield visit
        browser.close()


FEW_LISTINGS = """() => {
    const [first, ...others] = document.querySelectorAll("details.code");
    others.forEach(listing => listing.lastElementChild.remove());
    if (first) first.open = true;
}"""


def barriers(page, colors=True):
    """What axe finds on a page that keeps readers out: the rule and the first place of each.

    Of the listings of code, which are many and alike, one is opened and looked at. The contrast of colors,
    which takes most of the time, may be left out.
    """
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    page.evaluate(FEW_LISTINGS)
    options = {"resultTypes": ["violations"], "rules": {"color-contrast": {"enabled": colors}}}
    found = axe.run(page, options=options).response["violations"]
    serious = [rule for rule in found if rule["impact"] in ("serious", "critical")]
    return [(rule["id"], rule["nodes"][0]["html"][:200]) for rule in serious]


UNREACHED = """() => {
    const scrolls = element => element.scrollWidth > element.clientWidth + 1
        && ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
    const out = [...document.querySelectorAll("main *")].filter(e => scrolls(e) && e.tabIndex < 0);
    return out.map(element => element.outerHTML.slice(0, 200));
}"""


def unreached(page):
    """Boxes that scroll sideways and that the keyboard cannot reach."""
    return page.evaluate(UNREACHED)


def hidden_width(page):
    """How many pixels of a page are beyond the right edge of the window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
