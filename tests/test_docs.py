"""The site builds without a warning, and its pages are true to the package."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from urllib.parse import unquote, urlsplit

import pytest
from project import ROOT

import nea_prospect

DOCS = ROOT / "docs"


class Page(HTMLParser):
    """Links and anchors of a page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, _, attributes):
        values = dict(attributes)
        self.links += [values[name] for name in ("href", "src") if values.get(name)]
        self.anchors |= {values[name] for name in ("id", "name") if values.get(name)}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Pages of the built site by path."""
    if not find_spec("sphinx"):
        pytest.skip("sphinx is not installed (extra docs)")
    out = tmp_path_factory.mktemp("site").resolve()
    options = ["-q", "-W", "--keep-going", "-b", "html", "-d", out / "doctrees", "-c", DOCS]
    command = [sys.executable, "-m", "sphinx", *options, ROOT, out / "html"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return {path: Page(path) for path in (out / "html").rglob("*.html") if "_static" not in path.parts}


def is_dead(path, link, site):
    """Whether a link of a page leads nowhere in the site."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return False
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target in site and parts.fragment:
        return unquote(parts.fragment) not in site[target].anchors
    return not target.exists()


@pytest.mark.slow
def test_every_link_within_the_site_leads_somewhere(site):
    dead = [
        (path.name, link) for path, page in site.items() for link in page.links if is_dead(path, link, site)
    ]
    assert dead == []


@pytest.mark.slow
def test_every_notebook_is_a_page(site):
    pages = {path.stem for path in site if path.parent.name == "nbs"}
    assert pages == {path.stem for path in (ROOT / "nbs").glob("*.ipynb")}


@pytest.mark.slow
def test_a_page_needs_nothing_from_the_network(site):
    loaded = re.compile(r"<(?:script|img|link rel=.stylesheet.)[^>]*(?:src|href)=.https?:")
    assert [path.name for path in site if loaded.search(path.read_text(encoding="utf-8"))] == []


def test_the_reference_has_every_public_name():
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    names = re.findall(r"auto(?:function|class):: (\w+)$", text, re.MULTILINE)
    assert sorted(names) == sorted(nea_prospect.__all__)


def test_the_options_that_pages_name_exist():
    from typer.main import get_command

    from nea_prospect.cli import app

    commands = get_command(app).commands.values()
    known = {option for command in commands for parameter in command.params for option in parameter.opts}
    for page in (DOCS / "howto").glob("*.md"):
        used = set(re.findall(r"(--[a-z][a-z-]*)", page.read_text(encoding="utf-8")))
        assert used <= known, page.name
