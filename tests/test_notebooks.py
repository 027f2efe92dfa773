"""What every notebook of the project must keep to."""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "nbs").glob("[0-9]*.ipynb"))
SERIES = [path for path in NOTEBOOKS if re.match(r"0[1-9]_", path.name)]


def cells(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def source(cell):
    return "".join(cell["source"])


def test_the_modules_are_those_that_notebooks_export():
    exported = {
        match.group(1)
        for path in NOTEBOOKS
        for cell in cells(path)
        if (match := re.match(r"#\| default_exp (\w+)", source(cell)))
    }
    modules = {path.stem for path in (ROOT / "nea_prospect").glob("*.py")} - {"__init__", "_modidx"}
    assert exported == modules


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestEveryNotebook:
    def test_it_is_small_and_ran_without_error(self, path):
        assert path.stat().st_size < 2**20
        assert not any(
            output["output_type"] == "error" for cell in cells(path) for output in cell.get("outputs", [])
        )

    def test_its_kernel_is_the_common_one(self, path):
        assert json.loads(path.read_text(encoding="utf-8"))["metadata"]["kernelspec"]["name"] == "python3"

    def test_it_opens_with_a_title_and_a_docstring(self, path):
        assert re.match(r"# \w+\n> \w.*[.?]\n", source(cells(path)[0]))

    def test_its_imports_stand_alone(self, path):
        for cell in cells(path):
            if cell["cell_type"] != "code" or source(cell).startswith("#| hide"):
                continue
            body = ast.parse(source(cell)).body
            kinds = {isinstance(node, (ast.Import, ast.ImportFrom)) for node in body}
            assert len(kinds) < 2, source(cell)

    def test_it_has_no_magic_no_shell_and_no_export(self, path):
        for cell in cells(path):
            if cell["cell_type"] == "code":
                assert not re.search(r"^\s*[%!]|nbdev_export\(|get_ipython", source(cell), re.MULTILINE)
                assert "#| eval" not in source(cell)

    def test_an_exported_cell_has_one_public_name_with_a_docstring(self, path):
        for cell in cells(path):
            if source(cell).startswith("#| export"):
                for node in ast.parse(source(cell)).body:
                    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                        assert ast.get_docstring(node) or node.decorator_list, f"{node.name} has no docstring"
                public = [
                    node.name
                    for node in ast.parse(source(cell)).body
                    if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
                ]
                assert len(public) <= 1, public

    def test_it_reads_as_prose(self, path):
        words = sum(len(source(cell).split()) for cell in cells(path) if cell["cell_type"] == "markdown")
        assert words >= 15 * sum(cell["cell_type"] == "code" for cell in cells(path))


@pytest.mark.parametrize("path", SERIES, ids=lambda path: path.stem)
class TestTheSeries:
    def test_one_parameters_cell_with_plain_annotated_literals(self, path):
        tagged = [cell for cell in cells(path) if "parameters" in cell["metadata"].get("tags", [])]
        assert len(tagged) == 1
        for node in ast.parse(source(tagged[0])).body:
            assert isinstance(node, ast.AnnAssign) and isinstance(
                ast.literal_eval(node.value), (str, int, float, bool)
            )
        assert all("  # " in line for line in source(tagged[0]).splitlines())

    def test_the_run_part_alternates_prose_and_code(self, path):
        kinds = [cell["cell_type"] for cell in cells(path)]
        start = next(index for index, cell in enumerate(cells(path)) if source(cell).startswith("## Run"))
        shown = [
            kind
            for cell, kind in zip(cells(path)[start:], kinds[start:])
            if not source(cell).startswith(("#| hide", "#| export"))
        ]
        assert shown.count("code") <= 2 * shown.count("markdown")

    def test_its_outputs_are_committed(self, path):
        assert any(
            "image/png" in output.get("data", {})
            for cell in cells(path)
            for output in cell.get("outputs", [])
        )
