"""What the script of the report does with a table, in a browser."""

import pytest
from browser import open_browser

from nea_prospect.files import packaged
from nea_prospect.report import mark_up

TONNES = ["9.5e7 (1.0e7-2e8)", "1,200", "", "9.8e8 (1e8-5e9)", "not searched", "9.2e6", ">99%", "-", "3"]


@pytest.mark.parametrize("clicks, first", [(1, ["3", ">99%", "1,200"]), (2, ["9.8e8", "9.5e7", "9.2e6"])])
def test_numbers_are_sorted_by_value_and_cells_without_one_stand_last(tmp_path, clicks, first):
    rows = "".join(f"<tr><td>{text}</td></tr>" for text in TONNES)
    table = f"<table><thead><tr><th>t</th></tr></thead><tbody>{rows}</tbody></table>"
    script = "\n".join(packaged(name).read_text("utf-8") for name in ("datatables.min.js", "report.js"))
    page = tmp_path / "page.html"
    page.write_text(f"<meta charset=utf-8><main>{mark_up(table)}</main><script>{script}</script>", "utf-8")
    with open_browser() as visit:
        window = visit(page.as_uri())
        for _ in range(clicks):
            window.locator("thead th").click()
            window.wait_for_timeout(200)
        found = window.locator("tbody td").all_inner_texts()
        assert window.errors == []
    assert [text.split()[0] for text in found[:3]] == first
    assert sorted(found[-3:]) == ["", "-", "not searched"]
