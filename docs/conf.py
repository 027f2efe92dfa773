"""The site: `make docs`. The sources are the checkout itself: nothing is copied, links work on both sides."""

import json

import nea_prospect

project, author = "NEA Prospect", "NEA Prospect developers"
copyright = f"2026, {author}"
release = version = nea_prospect.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/*.md", "docs/howto/*.md", "nbs/*.ipynb", "nea_prospect/data/*.md"]
exclude_patterns = ["docs/_build", ".*", "runs", "tests"]

nb_execution_mode = "off"  # the stored outputs are shown
nb_merge_streams = True
nb_code_prompt_show = nb_code_prompt_hide = "Imports"  # the only cells that are folded
myst_heading_anchors = 3
myst_enable_extensions = []  # a dollar is a dollar
suppress_warnings = ["myst.header"]  # a page of the notebooks may begin below a section

autodoc_preserve_defaults = True
autodoc_typehints = "none"  # numpydoc shows the types, in words
numpydoc_class_members_toctree = False

html_theme = "sphinx_book_theme"
html_title = f"NEA Prospect {release}"
html_theme_options = {"navbar_persistent": [], "use_download_button": False, "use_fullscreen_button": False}
html_static_path, html_css_files = ["static"], ["site.css"]
html_copy_source = html_show_sourcelink = False
html_extra_path = ["site"]  # index.html, which leads to docs/index.html


def read_notebook(_, name, source):
    """Leave out of a notebook what is no part of the story, as directives and hidden cells; fold imports."""
    if not name.startswith("nbs/"):
        return
    notebook = json.loads(source[0])
    texts = ["".join(cell["source"]) for cell in notebook["cells"]]
    shown = [not text.startswith(("#| hide", "#| default_exp")) for text in texts]
    notebook["cells"] = [cell for cell, kept in zip(notebook["cells"], shown, strict=True) if kept]
    for cell in notebook["cells"]:
        cell["source"] = [line for line in cell["source"] if not line.startswith("#| export")]
        if cell["cell_type"] == "code" and "".join(cell["source"]).startswith(("import ", "from ")):
            cell["metadata"]["tags"] = ["hide-input"]
    source[0] = json.dumps(notebook)


def setup(app):
    """Read notebooks through `read_notebook`."""
    app.connect("source-read", read_notebook)
