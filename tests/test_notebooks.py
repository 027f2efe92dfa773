"""The form that every notebook keeps to."""

import ast
import json
import re
from functools import cache

import pytest
from project import ROOT
from refresh import MARK, checksum, refill

NOTEBOOKS = sorted((ROOT / "nbs").glob("[0-9]*.ipynb"), key=lambda path: path.stem)
STAGES = [path for path in NOTEBOOKS if re.match(r"0[1-6]_|05a_", path.name)]
LINE = 110  # columns
CELL = 40  # lines of an exported cell, and so of a function; imports may be longer
EXPORT = "#| export"

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
every_stage = pytest.mark.parametrize("path", STAGES, ids=lambda path: path.stem)


@cache
def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def cells(path, kind=None):
    return [cell for cell in read(path)["cells"] if kind in (None, cell["cell_type"])]


def source(cell):
    return "".join(cell["source"])


def exported(path):
    return [source(cell) for cell in cells(path, "code") if source(cell).startswith(EXPORT)]


def definitions(text):
    return [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]


def is_import(node):
    return isinstance(node, ast.Import | ast.ImportFrom)


def is_preamble(text):
    """Whether a cell holds nothing that a reader follows: the module's name, imports, hidden things."""
    return text.startswith(("#| default_exp", "#| hide")) or all(map(is_import, ast.parse(text).body))


def shows(cell):
    """Whether a cell ends in an expression whose value is displayed."""
    if cell["cell_type"] != "code" or source(cell).startswith((EXPORT, "#| hide")):
        return False
    body = ast.parse(source(cell)).body
    if not body or not isinstance(body[-1], ast.Expr):
        return False
    call = body[-1].value
    silent = ("test_", "use_style", "run.save", "run.progress")
    return not (isinstance(call, ast.Call) and ast.unparse(call.func).startswith(silent))


def module_of(path):
    """Name of the module that a notebook exports, if it does."""
    found = [re.match(r"#\| default_exp (\w+)", source(cell)) for cell in cells(path)]
    return next((match.group(1) for match in found if match), None)


def imported_modules(text):
    """Names of the project's modules that a cell imports."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module == "nea_prospect":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nea_prospect."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            yield from (name[1] for name in names if name[0] == "nea_prospect" and len(name) > 1)


def test_the_modules_are_those_that_notebooks_export():
    modules = {path.stem for path in (ROOT / "nea_prospect").glob("*.py")} - {"__init__", "_modidx"}
    assert {module_of(path) for path in NOTEBOOKS} - {None} == modules


@every_notebook
class TestEveryNotebook:
    def test_it_imports_only_notebooks_that_sort_before_it(self, path):
        before = NOTEBOOKS[: NOTEBOOKS.index(path) + 1]
        allowed = {"__version__", *map(module_of, before)}
        used = {name for cell in cells(path, "code") for name in imported_modules(source(cell))}
        assert used <= allowed

    def test_it_is_small(self, path):
        assert path.stat().st_size < 2**20

    def test_it_ran_without_error(self, path):
        outputs = [output for cell in cells(path, "code") for output in cell["outputs"]]
        assert [output for output in outputs if output["output_type"] == "error"] == []

    def test_what_a_cell_shows_is_stored(self, path):
        assert [source(cell) for cell in cells(path) if shows(cell) and not cell["outputs"]] == []

    def test_its_kernel_is_the_common_one(self, path):
        assert read(path)["metadata"]["kernelspec"]["name"] == "python3"

    def test_it_opens_with_a_title_and_a_docstring(self, path):
        assert re.match(r"# \w+\n> \w.*\.\n", source(cells(path)[0]))

    def test_its_imports_stand_alone(self, path):
        for cell in cells(path, "code"):
            if not source(cell).startswith("#| hide"):
                body = ast.parse(source(cell)).body
                assert len({is_import(node) for node in body}) < 2, source(cell)

    def test_it_has_no_magic_no_shell_and_no_export_and_every_cell_runs(self, path):
        code = "\n".join(source(cell) for cell in cells(path, "code"))
        assert re.findall(r"(?m)^\s*[%!]|get_ipython|nbdev_export\(|#\| eval", code) == []

    def test_no_line_of_code_is_wide(self, path):
        lines = [line for cell in cells(path, "code") for line in source(cell).splitlines()]
        assert [line for line in lines if len(line) > LINE] == []

    def test_an_exported_cell_is_short(self, path):
        long = {text.splitlines()[1]: len(text.splitlines()) for text in exported(path)}
        assert {first: n for first, n in long.items() if n > CELL} == {}

    def test_an_exported_cell_has_one_public_name(self, path):
        for text in exported(path):
            public = [node.name for node in definitions(text) if not node.name.startswith("_")]
            assert len(public) <= 1, public

    def test_what_is_exported_has_a_docstring(self, path):
        nodes = [node for text in exported(path) for node in definitions(text)]
        assert [node.name for node in nodes if not ast.get_docstring(node)] == []

    def test_it_is_prose_and_code_in_turns(self, path):
        read_cells = [cell for cell in cells(path, "code") if not is_preamble(source(cell))]
        assert len(read_cells) <= 2 * len(cells(path, "markdown"))

    def test_it_reads_as_prose(self, path):
        words = sum(len(source(cell).split()) for cell in cells(path, "markdown"))
        assert words >= 15 * len(cells(path, "code"))


@every_stage
class TestTheSeries:
    def test_it_has_one_parameters_cell(self, path):
        assert len(self.parameters(path)) == 1

    def test_its_parameters_are_plain_literals(self, path):
        for node in ast.parse(self.parameters(path)[0]).body:
            assert isinstance(node, ast.AnnAssign), ast.unparse(node)
            assert isinstance(ast.literal_eval(node.value), str | int | float | bool | list), ast.unparse(
                node
            )

    def test_every_parameter_has_a_help_text(self, path):
        assert [line for line in self.parameters(path)[0].splitlines() if "  # " not in line] == []

    def test_its_parameters_stand_near_the_top(self, path):
        tags = [cell["metadata"].get("tags", []) for cell in cells(path)]
        position = next(index for index, names in enumerate(tags) if "parameters" in names)
        assert position < len(tags) / 4

    def test_its_first_result_stands_near_the_top(self, path):
        shown = [index for index, cell in enumerate(cells(path)) if shows(cell)]
        assert shown[0] < len(cells(path)) / 4

    def test_it_is_one_story_without_a_run_part(self, path):
        headings = [source(cell).splitlines()[0] for cell in cells(path, "markdown") if source(cell)]
        assert not [line for line in headings if re.match(r"#+ Run\b", line)]

    def test_it_hands_on_what_it_made(self, path):
        assert "run.save(" in "".join(source(cell) for cell in cells(path, "code"))

    def test_its_outputs_are_committed(self, path):
        outputs = [output for cell in cells(path, "code") for output in cell["outputs"]]
        assert any("image/png" in output.get("data", {}) for output in outputs)

    @staticmethod
    def parameters(path):
        return [source(cell) for cell in cells(path) if "parameters" in cell["metadata"].get("tags", [])]

    @pytest.mark.slow  # whoever changes a stage need not make a run at once
    def test_its_outputs_are_those_of_its_code(self, path):
        if path.stem != "05a_original":  # is no stage of the default run
            assert read(path)["metadata"][MARK] == checksum(read(path)), "make notebooks"


class TestRefresh:
    """What `make notebooks` does with the notebooks of a run."""

    @staticmethod
    def notebook(source, *outputs):
        cell = {"id": "a", "cell_type": "code", "metadata": {}, "source": source, "outputs": list(outputs)}
        return {
            "cells": [{"id": "t", "cell_type": "markdown", "metadata": {}, "source": "Old."}, cell],
            "metadata": {},
        }

    def test_a_cell_takes_the_outputs_of_its_executed_copy_and_keeps_its_prose(self):
        executed = self.notebook("1 + 1", {"output_type": "execute_result"})
        injected = {"id": "i", "cell_type": "code", "source": "x = 1", "outputs": []}
        executed["cells"].insert(0, injected | {"metadata": {"tags": ["injected-parameters"]}})
        executed["cells"][1]["source"] = "New."
        filled = refill(self.notebook(["1 + 1"]), executed)
        assert filled["cells"][1]["outputs"] == [{"output_type": "execute_result"}]
        assert filled["cells"][0]["source"] == "Old."
        assert filled["metadata"][MARK] == checksum(filled)

    def test_a_run_of_other_code_is_refused(self):
        with pytest.raises(ValueError, match="other code"):
            refill(self.notebook("1 + 1"), self.notebook("1 + 2"))

    def test_the_checksum_follows_the_code(self):
        assert checksum(self.notebook("1 + 1")) != checksum(self.notebook("1 + 2"))
