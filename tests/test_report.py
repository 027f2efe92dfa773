"""What the script of the report does with a table, in a browser."""

from contextlib import contextmanager

import nbformat
import pandas as pd
import pytest
from browser import open_browser
from bs4 import BeautifulSoup

from nea_prospect.files import packaged
from nea_prospect.report import _template, mark_up, notebook_body


@contextmanager
def opened(folder, html, **options):
    """A page in Chromium."""
    page = folder / "page.html"
    page.write_text(html, "utf-8")
    with open_browser() as visit:
        yield visit(page.as_uri(), **options)


TONNES = ["9.5e7 (1.0e7-2e8)", "1,200", "", "9.8e8 (1e8-5e9)", "not searched", "9.2e6", ">99%", "-", "3"]


@pytest.mark.parametrize("clicks, first", [(1, ["3", ">99%", "1,200"]), (2, ["9.8e8", "9.5e7", "9.2e6"])])
def test_numbers_are_sorted_by_value_and_cells_without_one_stand_last(tmp_path, clicks, first):
    rows = "".join(f"<tr><td>{text}</td></tr>" for text in TONNES)
    table = f"<table><thead><tr><th>t</th></tr></thead><tbody>{rows}</tbody></table>"
    script = "\n".join(packaged(name).read_text("utf-8") for name in ("datatables.min.js", "report.js"))
    html = f"<meta charset=utf-8><main>{mark_up(table)}</main><script>{script}</script>"
    with opened(tmp_path, html) as window:
        for _ in range(clicks):
            window.locator("thead th").click()
            window.wait_for_timeout(200)
        found = window.locator("tbody td").all_inner_texts()
        assert window.errors == []
    assert [text.split()[0] for text in found[:3]] == first
    assert sorted(found[-3:]) == ["", "-", "not searched"]


def rendered(body):
    """A page of a stage with a body, without scripts."""
    empty = {"title": "", "style": "", "titles": {}, "files": {}, "script": "", "script_hash": ""}
    return _template().render(page="01_loading", body=body, **empty)


def test_a_long_name_of_a_row_leaves_room_for_its_numbers_in_a_narrow_window(tmp_path):
    name = "(4179) Toutatis, radar and fly-by; spectrum of an ordinary chondrite"
    table = pd.DataFrame(0.91, [name], list("abcdefgh"))
    with opened(tmp_path, rendered(mark_up(table.to_html())), width=400) as window:
        widths = [window.locator(place).bounding_box()["width"] for place in ("tbody th", ".scroll")]
    assert widths[0] < 0.6 * widths[1]


def test_a_long_line_of_output_is_broken_and_not_cut(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("words")])
    words = {"text/plain": "catalog: " + "number, " * 60}
    notebook.cells[0].outputs = [nbformat.v4.new_output("execute_result", data=words)]
    nbformat.write(notebook, tmp_path / "words.ipynb")
    with opened(tmp_path, rendered(notebook_body(tmp_path / "words.ipynb"))) as window:
        found = window.locator(".output_subarea pre")
        assert found.evaluate("box => box.scrollWidth - box.clientWidth") == 0


def test_code_is_shown_as_text(tmp_path):
    code = "path = '</pre></details><script>alert(1)</script><img src=x onerror=alert(2)>'"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbformat.write(notebook, tmp_path / "code.ipynb")
    page = BeautifulSoup(notebook_body(tmp_path / "code.ipynb"), "html.parser")
    assert page.select_one("details.code > div.highlight > pre").get_text().strip() == code
    assert page.find(["script", "img"]) is None


def test_headings_of_several_columns_of_names_begin_where_the_names_do():
    index = pd.MultiIndex.from_tuples([("both", "smass/NIR"), ("both", "sineos")], names=["covers", "source"])
    html = mark_up(pd.DataFrame({"spectra": [3, 17]}, index).to_html())
    assert '<th class="text" scope="col">source</th>' in html
    assert '<th scope="col">spectra</th>' in html


def test_a_notebook_that_has_no_page_is_described_where_it_is_named(tmp_path):
    prose = "Weighed in 05c, after `93_bundle`, [05c](05c_composition.ipynb) and notebook 03b; 04 has a page."
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(prose)]), tmp_path / "a.ipynb"
    )
    body = notebook_body(tmp_path / "a.ipynb", pages=["03b_smote_network", "04_modeling"])
    assert 'Weighed in <a href="#others">05c</a>, after' in body
    assert "05c_composition: Weigh everything that is known" in body
    assert "<code>nea_prospect.composition</code>" in body
    assert "03b_smote_network:" not in body
    assert body.count("<li>") == 1


WORD = """cell => {
    const word = document.createRange(), text = cell.firstChild;
    word.setStart(text, 3);
    word.setEnd(text, 14);
    return [word.toString(), word.getClientRects().length];
}"""


def test_a_word_in_the_name_of_a_row_of_the_decisions_is_not_broken(tmp_path):
    table = pd.DataFrame([["none, it is known"] * 3], ["An observation that would decide"], list("abc"))
    with opened(tmp_path, rendered(mark_up(table.to_html(classes="told"))), width=400) as window:
        assert window.locator("tbody th").evaluate(WORD) == ["observation", 1]
